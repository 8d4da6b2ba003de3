// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Block requests and bytes by operation, for the cgroup whose I/O it is.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/block_io.h"
#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SONDE_ROOT_CGROUP 1 /* kernfs id of every hierarchy's root */

SONDE_COUNTS(struct block_counts)

/* include/linux/blk_types.h: enum req_op, the low 8 bits of cmd_flags. */
static __always_inline __u32 operation_of(const struct request *request)
{
	switch (request->cmd_flags & 0xff) {
	case 0:
		return SONDE_BLOCK_READ;
	case 1:
		return SONDE_BLOCK_WRITE;
	case 2:
		return SONDE_BLOCK_FLUSH;
	case 3:
		return SONDE_BLOCK_DISCARD;
	default:
		return SONDE_BLOCK_OTHER;
	}
}

/*
 * The block cgroup that the I/O was charged to when it was submitted. Requests of two cgroups are never
 * merged (blk_cgroup_mergeable), so the first bio speaks for all. A request without one is the kernel's own
 * (a flush).
 */
static __always_inline __u32 slot_of_owner(const struct request *request)
{
	struct bio *bio = request->bio;

	if (!bio || !bio->bi_blkg) {
		struct cgroup_key root = {.id = SONDE_ROOT_CGROUP, .hierarchy = settings.io_hierarchy};

		return slot_of_key(&root);
	}
	return slot_of_cgroup(&bio->bi_blkg->blkcg->css, settings.io_hierarchy);
}

/*
 * Requests that the driver sent back: their next issue is not a new request. Key: the request's address.
 * Value: nothing. Bound: requests sent back at one time, a few queues' depth; an entry lives until the issue,
 * or the request's end without one. Full: the request may be counted twice, which is counted in `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} requeued SEC(".maps");

/*
 * Hook: a request goes to its driver. At issue, which mostly runs in the submitter, rather than at completion
 * in an interrupt: some kernels run no programs in an interrupt of some tasks. Oldest kernel: 5.14.
 */
SEC("?tp_btf/block_rq_issue")
int BPF_PROG(rq_issue, struct request *request)
{
	__u64 address = (__u64)request;
	struct block_counts *value;
	__u32 operation;

	if (bpf_map_lookup_elem(&requeued, &address)) {
		bpf_map_delete_elem(&requeued, &address);
		return 0;
	}
	value = counts_of_slot(slot_of_owner(request));
	if (!value)
		return 0;
	/* Queues also run in softirq, where it may interrupt a submitter's. */
	operation = operation_of(request);
	__sync_fetch_and_add(&value->requests[operation], 1);
	__sync_fetch_and_add(&value->bytes[operation], request->__data_len);
	return 0;
}

/*
 * Hook: the driver had no room and sent a request back. One that was not issued yet is still to be counted.
 */
SEC("?tp_btf/block_rq_requeue")
int BPF_PROG(rq_requeue, struct request *request)
{
	__u64 address = (__u64)request;
	__u8 present = 1;

	if (request->state == MQ_RQ_IDLE)
		return 0;
	if (bpf_map_update_elem(&requeued, &address, &present, BPF_ANY))
		count_error(SONDE_ERROR_REQUEUED_FULL);
	return 0;
}

/*
 * Hook: a request ended, or a part of it. One that was sent back and is given up is not issued again: the
 * next request at its address is another one. Hardly any was sent back, so it looks before it takes the
 * bucket's lock. Oldest kernel: 5.14.
 */
SEC("?tp_btf/block_rq_complete")
int BPF_PROG(rq_complete, struct request *request)
{
	__u64 address = (__u64)request;

	if (bpf_map_lookup_elem(&requeued, &address))
		bpf_map_delete_elem(&requeued, &address);
	return 0;
}
