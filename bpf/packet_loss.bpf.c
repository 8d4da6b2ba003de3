// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Loses a share of the packets that an interface sends, at random: a fault that sonde-inject makes where the
// kernel has no netem.
#include "bpf/kernel_types.h"

#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* No interface has this number. */
#define NO_INTERFACE 0x7fffffff

/* Both maps below are global data that sonde-inject has mapped: it sets the one and reads the other while the
 * program runs. */

/* A packet is lost where a random number of 32 bits is below it: 0 none, 2^32 all. */
__u64 lost_below = 0;

/* Packets that the program saw, and those of them that it lost; a packet of many segments (GSO) is one. */
__u64 packets_seen = 0;
__u64 packets_lost = 0;

/*
 * Hook: tcx egress of the container's interface (6.6). A packet is lost as on a wire, without the sender's
 * knowledge: dropping it (TC_ACT_SHOT) would tell his TCP that the interface is full, and it would hold the
 * segment back instead of sending it again. So it is sent on to an interface that does not exist.
 */
SEC("tc")
int lose(struct __sk_buff *packet)
{
	(void)packet;
	__sync_fetch_and_add(&packets_seen, 1);
	if (bpf_get_prandom_u32() >= lost_below)
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(&packets_lost, 1);
	return bpf_redirect(NO_INTERFACE, 0);
}
