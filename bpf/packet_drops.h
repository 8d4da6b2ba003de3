/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

/*
 * Keys of `slots` in packet_drops.bpf.c (struct cgroup_key). id: inode of the network namespace, 0 where it
 * cannot be told, in the lower half and the reason, of the kernel's enum skb_drop_reason, in the upper one.
 * Reasons of a subsystem (enum skb_drop_reason_subsys) are counted together, its number << 16.
 */
#define SONDE_DROP_REASON_SHIFT 32
#define SONDE_DROP_SUBSYSTEM_SHIFT 16

/* Value of the map `counts`. */
struct packet_drop_counts {
	__u64 packets; /* buffers that the kernel freed for that reason; one may hold many segments */
};
