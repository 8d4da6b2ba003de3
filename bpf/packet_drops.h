/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/flow_key.h"
#include "bpf/settings.h"

/*
 * Keys of `slots` in packet_drops.bpf.c (struct cgroup_key). id: inode of the network namespace, 0 where it
 * cannot be told, in the lower half and the reason, of the kernel's enum skb_drop_reason, in the upper one.
 * Reasons of a subsystem (enum skb_drop_reason_subsys) are counted together, its number << 16.
 */
#define SONDE_DROP_REASON_SHIFT 32
#define SONDE_DROP_SUBSYSTEM_SHIFT 16

/* More than a kernel has reasons, but for those of subsystems (130 in 6.18); in bits and in words of them. */
#define SONDE_DROP_REASONS 256
#define SONDE_DROP_REASON_WORDS (SONDE_DROP_REASONS / 64)

/* Value of the map `counts`. */
struct packet_drop_counts {
	__u64 packets; /* buffers that the kernel freed for that reason; one may hold many segments */
};

/* Pairs that have room in the map `dropped_pairs`. */
#define SONDE_DROPPED_PAIRS 4096

/* Pods' addresses that have room in the map `pod_addresses`. */
#define SONDE_POD_ADDRESSES 4096

/* Key of the map `dropped_pairs`. */
struct dropped_pair {
	struct flow_address source;
	struct flow_address destination;
};

/* Its value. What was freed but not lost, as a probe of an idle connection, does not count. */
struct dropped_packets {
	__u64 packets;
	__u32 share; /* of whose places it has one (map `pair_shares`) */
	__u32 reserved;
};

/* Key of the map `dropped_flows`. */
struct dropped_flow_key {
	struct dropped_pair pair;
	__u16 source_port; /* host byte order */
	__u16 destination_port;
};

/* A connection without drops for so long rests: another one may have its addresses and ports afterwards. */
#define SONDE_DROPS_REST_NS 60000000000ULL

/* Its value. Times are CLOCK_MONOTONIC. */
struct dropped_flow {
	__u64 packets;
	__u64 last_ns;   /* the last one */
	__u64 earlier;   /* packets before the last rest */
	__u64 rested_ns; /* the last one of those; 0: there was no rest */
	__u32 reason;    /* of the last one, as above */
	__u32 reserved;
};
