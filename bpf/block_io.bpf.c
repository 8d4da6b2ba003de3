// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Block requests and bytes by operation, for the cgroup whose I/O it is.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/block_io.h"
#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SONDE_ROOT_CGROUP 1 /* kernfs id of every hierarchy's root */

/*
 * Key: the cgroup. Value: its counts, per CPU. Bound: --bpf.max-cgroups, set before load; user space deletes
 * the entries of cgroups that are gone. Full: the event is counted in `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cgroup_key);
	__type(value, struct block_counts);
} counts SEC(".maps");

static const struct block_counts zero;

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
static __always_inline __u64 owner_of(const struct request *request)
{
	struct bio *bio = request->bio;
	struct blkcg_gq *group;

	if (!bio)
		return SONDE_ROOT_CGROUP;
	group = bio->bi_blkg;
	if (!group)
		return SONDE_ROOT_CGROUP;
	return group->blkcg->css.cgroup->kn->id;
}

/*
 * Hook: a request, or a part of one, completed; in interrupts, on any CPU: current is not the owner. At
 * completion rather than at issue, because a request that the driver sends back is issued again. Oldest
 * kernel: 5.17.
 */
SEC("?tp_btf/block_rq_complete")
int BPF_PROG(rq_complete, struct request *request, int error, unsigned int completed_bytes)
{
	struct cgroup_key key = {.id = owner_of(request), .hierarchy = settings.io_hierarchy};
	struct block_counts *value = find_or_make(&counts, &key, &zero);
	__u32 operation = operation_of(request);

	if (!value)
		return 0;
	__sync_fetch_and_add(&value->bytes[operation], completed_bytes);
	if (completed_bytes >= request->__data_len)
		__sync_fetch_and_add(&value->requests[operation], 1);
	return 0;
}
