// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Programs that do nothing, where the flow programs are: what a run costs before it does anything.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc/from")
int empty_from(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("tc/to")
int empty_to(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}
