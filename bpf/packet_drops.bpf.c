// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Packets that the kernel dropped, per network namespace and reason.
#include "bpf/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/lib/counts.bpf.h"
#include "bpf/packet_drops.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Whether kfree_skb names the socket that was to receive the buffer, as its fourth argument (6.11). */
const volatile bool tells_receiver = false;
/* Of enum skb_drop_reason: what is no drop, SKB_CONSUMED where the kernel has it (else it is 0, as
 * SKB_NOT_DROPPED_YET). */
const volatile __u32 consumed = 0;

/* As many pairs of namespace and reason as there may be cgroups; most namespaces have none or few. */
SONDE_COUNTS(struct packet_drop_counts)

#define ADDRESS_FAMILY_UNIX 1
#define ADDRESS_FAMILY_NETLINK 16

/* Every read below is by bpf_probe_read_kernel: pointers may be NULL or, where a queue uses the field for
 * something else (skb->dev), no pointers at all. */
static __always_inline bool is_no_packet(const struct sock *sock)
{
	__u16 family = BPF_CORE_READ(sock, __sk_common.skc_family);

	return family == ADDRESS_FAMILY_UNIX || family == ADDRESS_FAMILY_NETLINK;
}

static __always_inline const struct net *net_of_device(const struct net_device *device)
{
	const struct net *net = BPF_CORE_READ(device, nd_net.net);

	/* A namespace knows its loopback device, which knows its namespace: nothing else looks like that. */
	return BPF_CORE_READ(net, loopback_dev, nd_net.net) == net ? net : NULL;
}

/*
 * Hook: a buffer was freed without having been delivered. Oldest kernel: 5.17, which brought the reason.
 * Runs in any context, interrupts too. Cost: see bpf/README.md.
 */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(drop, const struct sk_buff *buffer)
{
	__u32 reason = (__u32)ctx[2];
	const struct sock *sock = NULL;
	const struct net *net = NULL;
	struct packet_drop_counts *value;
	struct cgroup_key key = {};

	if (reason == 0 || reason == consumed)
		return 0;
	if (tells_receiver)
		sock = (const void *)ctx[3];
	if (sock) /* kernels before 6.13 believe that it never is NULL, so the read has to bear it */
		net = BPF_CORE_READ(sock, __sk_common.skc_net.net);
	if (!net) {
		sock = BPF_CORE_READ(buffer, sk);
		net = BPF_CORE_READ(sock, __sk_common.skc_net.net);
	}
	if (net && is_no_packet(sock))
		return 0;
	if (!net)
		net = net_of_device(BPF_CORE_READ(buffer, dev));
	if (reason >> SONDE_DROP_SUBSYSTEM_SHIFT)
		reason = reason >> SONDE_DROP_SUBSYSTEM_SHIFT << SONDE_DROP_SUBSYSTEM_SHIFT;
	key.id = (__u64)reason << SONDE_DROP_REASON_SHIFT | BPF_CORE_READ(net, ns.inum);
	value = counts_of_slot(slot_of_key(&key));
	if (value)
		__sync_fetch_and_add(&value->packets, 1);
	return 0;
}
