// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// TCP segments sent again, per network namespace.
#include "bpf/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/lib/counts.bpf.h"
#include "bpf/tcp_retransmits.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Whether the kernel's tcp_retransmit_skb comes for failures too, and says so by its third argument (6.17).
 */
const volatile bool tells_failure = false;

/* The keys of `slots` are network namespaces here; each has a cgroup at least, so as many fit. */
SONDE_COUNTS(struct tcp_retransmit_counts)

static __always_inline void count_segments(const struct sock *sock, __u64 segments)
{
	struct cgroup_key key = {.id = sock->__sk_common.skc_net.net->ns.inum}; /* /proc/PID/ns/net's inode */
	struct tcp_retransmit_counts *value = counts_of_slot(slot_of_key(&key));

	/* Timers and received ACKs run it in softirq, where it may interrupt a sender's. */
	if (value)
		__sync_fetch_and_add(&value->segments, segments);
}

/*
 * Hook: a buffer was sent again. It may hold many segments; TCP keeps their number in the buffer's control
 * block. An error (below 0) mostly means that nothing was sent, for lack of a route or as it still waits in a
 * queue; above 0 the device's queue dropped it, which the kernel's RetransSegs counts. Oldest kernel: 5.14.
 */
SEC("?tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit_skb, const struct sock *sock, const struct sk_buff *buffer)
{
	const struct tcp_skb_cb *control = (const void *)&buffer->cb;
	__u16 segments = BPF_CORE_READ(control, tcp_gso_segs);

	if (tells_failure && (int)ctx[2] < 0)
		return 0;
	count_segments(sock, segments ? segments : 1);
	return 0;
}

/* Hook: a SYN-ACK was sent again. Oldest kernel: 5.14. */
SEC("?tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_ack, const struct sock *sock)
{
	count_segments(sock, 1);
	return 0;
}
