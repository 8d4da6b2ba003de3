/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/flow_key.h"
#include "bpf/pair_shares.h"

/* What the exporter sets before load as read-only data. */
struct flow_settings {
	__u32 space;             /* flow_key.space of what this object counts */
	__u32 max_pairs;         /* slots for pairs; SONDE_OVERFLOW_SLOTS more follow them */
	__u32 alerts_per_second; /* of all flows together */
	__u32 reserved;
	__u64 alert_interval_ns; /* at least, between two alerts of one flow */
	__u64 baseline_ns;       /* time constant of a flow's usual RTT */
	__u64 probe_interval_ns; /* at least, between two probes of one direction of a flow; 0: none */
};

/* Slots of interfaces whose pairs found no room, behind those of pairs. */
#define SONDE_OVERFLOW_SLOTS 1024
/* Slots in all maps of slots. */
#define SONDE_PAIR_SLOTS(max_pairs) ((max_pairs) + SONDE_OVERFLOW_SLOTS)

/* Why a packet's bytes belong to no flow, or to nobody. */
enum parse_result {
	SONDE_PARSED,           /* a whole TCP or UDP header, or another protocol over IP */
	SONDE_PARSE_NOT_IP,     /* ARP and the like */
	SONDE_PARSE_FRAGMENT,   /* its addresses are known, its segment is not whole */
	SONDE_PARSE_TRUNCATED,  /* ends within a header, or before the length that its header tells */
	SONDE_PARSE_MALFORMED,  /* a header that contradicts itself */
	SONDE_PARSE_EXTENSIONS, /* more IPv6 extension headers or VLAN tags than are looked at */
	SONDE_PARSE_RESULTS
};

/* Index into the values of the map `flow_counts`. */
enum flow_count {
	SONDE_FLOWS_MADE,
	SONDE_FLOWS_DELETED,    /* by the programs; evicted = made - deleted - present */
	SONDE_FLOWS_NOT_MADE,   /* no entry could be had: counted by pair alone */
	SONDE_PAIRS_OVERFLOWED, /* packets counted for their interface's overflow slot */
	SONDE_SAMPLES_DROPPED,  /* a probe that another CPU was at, or whose entry had gone to another flow */
	SONDE_ALERTS_SENT,
	SONDE_ALERTS_FLOW_LIMIT,   /* suppressed: the flow has had one within alert_interval_ns */
	SONDE_ALERTS_GLOBAL_LIMIT, /* suppressed: alerts_per_second were sent */
	SONDE_ALERTS_RING_FULL,    /* suppressed: the reader is behind */
	SONDE_FLOW_NOT_PARSED,     /* packets by enum parse_result, from here on; the first is always 0 */
	SONDE_FLOW_COUNTS = SONDE_FLOW_NOT_PARSED + SONDE_PARSE_RESULTS
};

struct flow_counts {
	__u64 counts[SONDE_FLOW_COUNTS];
};

/* Upper bounds of the buckets of times: 1 µs × 2^i, i < 25 (1 µs … 16.8 s); one more bucket above. */
#define SONDE_RTT_BUCKETS 26

struct latency_histogram {
	__u64 sum_ns;
	__u64 buckets[SONDE_RTT_BUCKETS]; /* not cumulative; their sum is the count */
};

/* Directions are the container's: what it sends, what it receives. */
struct pair_direction {
	__u64 bytes;         /* of IP; the headers of a buffer of many segments (GSO) count once */
	__u64 packets;       /* buffers, as they pass the hook */
	__u64 retransmitted; /* TCP segments seen again, or late */
};

/* Value of the map `pair_traffic`, one a CPU. */
struct pair_traffic {
	struct pair_direction sent;
	struct pair_direction received;
};

/* Value of the map `pair_samples`. */
struct pair_samples {
	struct latency_histogram rtt;       /* the container's data → the remote's ACK */
	struct latency_histogram local_rtt; /* the remote's data → the container's ACK */
	struct latency_histogram handshake; /* the container's SYN or SYN-ACK → its answer */
	struct latency_histogram
	    request_client; /* last of the container's request → first byte of the response */
	struct latency_histogram request_server; /* the same where the container answers */
	__u64 slow; /* RTTs of flows that were above their interface's threshold with them */
};

enum flow_role {
	SONDE_ROLE_UNKNOWN, /* its opening was not seen, and both ports or neither are below 32768 */
	SONDE_ROLE_CLIENT,  /* the container opened it, or has the only port from 32768 on */
	SONDE_ROLE_SERVER
};

/*
 * The one segment of a direction whose ACK is waited for. Two CPUs meet here: `word` changes by
 * compare-and-swap only, and a sample counts only if `armed_ns` fits the word that was taken.
 */
struct flow_probe {
	__u64 word;     /* sequence number that the ACK must reach << 32 | low half of armed_ns; 0: none */
	__u64 armed_ns; /* bit 0 is always set; bit 1: of a handshake */
	__u64 recovery; /* 1 << 32 | sequence number that an ACK must reach before the next probe; or 0 */
};

/* One direction, written by the program of that direction alone, if need be on several CPUs. */
struct flow_direction {
	__u64 end;        /* 1 << 32 | highest sequence number sent + 1; or 0: nothing seen */
	__u64 request_ns; /* when the last byte of a request passed that has no response yet; 0: none */
	__u64 bytes;      /* as pair_direction; where two CPUs count at once, one may be missed */
	__u64 packets;
	__u64 retransmitted;
	__u64 last_ns;        /* last packet; CLOCK_MONOTONIC, as fine as the kernel's tick */
	__u32 first_sequence; /* of the SYN */
	__u32 reserved[3];
};

/* Times of one kind, in ns. */
struct flow_times {
	__u64 smoothed_8; /* 8 × the average that weighs the newest with 1/8 */
	__u64 minimum;
	__u64 last;
	__u64 count;
};

/* What a direction had carried when the last interval ended, and in it. mark_flows() writes. */
struct flow_interval {
	__u64 until;
	__u64 bytes;
};

/* How far the end of a connection has come; bits. */
enum flow_end {
	SONDE_END_SENT = 1,         /* the container sent FIN */
	SONDE_END_RECEIVED = 2,     /* the remote did */
	SONDE_END_ACKNOWLEDGED = 4, /* times one of these: the other end has it */
	SONDE_END_ALL = 15
};

/*
 * Value of the map `flows`. It lies 32 bytes behind a cache line's start (behind 48 of the kernel's and the
 * key), so the parts below have lines of their own: what is read alone; what both directions touch; what each
 * direction writes; results.
 */
struct flow_state {
	__u64 pair;     /* the slot of its pair; << 32: that slot's generation when the flow took it */
	__u64 identity; /* hash of its key: the memory of an entry may go to another flow at any time */
	__u64 first_ns;
	__u32 role;     /* enum flow_role */
	__u32 finished; /* enum flow_end */

	struct flow_probe sent_probe;
	struct flow_probe received_probe;
	__u64 baseline_at_ns; /* when baseline_ns last changed */
	__u64 reserved;

	struct flow_direction sent;
	struct flow_direction received;

	struct flow_times rtt;
	__u64 baseline_ns; /* the flow's usual RTT: a slow average */
	__u64 judged_ns;   /* when the thresholds were last looked at */
	__u64 alerted_ns;
	__u64 handshake_ns; /* 0: not seen */

	struct flow_times local_rtt;
	struct flow_times request; /* as client or as server, by role */

	struct flow_interval sent_interval;
	struct flow_interval received_interval;
};

/* Between two looks at the thresholds, for one flow. */
#define SONDE_JUDGE_INTERVAL_NS 1000000ULL

/* When a flow is slow. Value of the map `thresholds`; 0 switches a condition off. */
struct flow_threshold {
	__u64 absolute_ns;      /* smoothed RTT above this */
	__u64 floor_ns;         /* the relative condition holds only above this */
	__u32 relative_percent; /* smoothed RTT above this share of the flow's own baseline; 200: twice */
	__u32 min_samples;      /* a flow with fewer is not judged */
};

/* Its key. */
struct flow_interface_key {
	__u32 space;
	__u32 interface;
};

enum alert_reason { SONDE_ALERT_ABSOLUTE, SONDE_ALERT_RELATIVE };

/* Record of the ring buffer `alerts`. */
struct flow_alert {
	struct flow_key key;
	__u32 reason;  /* enum alert_reason */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 sample_ns;
	__u64 smoothed_ns;
	__u64 baseline_ns;
	__u64 minimum_ns;
	__u64 threshold_ns; /* what smoothed_ns exceeds */
};
