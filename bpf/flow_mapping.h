/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/flow_key.h"
#include "bpf/flow_rtt.h"

/* What the exporter sets before load as read-only data. */
struct mapping_settings {
	__u32 space;              /* mapping_key.space of what this object sees */
	__u16 vxlan_port;         /* UDP port that VXLAN's packets go to */
	__u16 geneve_port;        /* the same for Geneve */
	__u32 user_space_tunnels; /* 1: the node's own sockets may send tunnels' packets too */
};

/* How a flow lies in what the underlay carries. */
enum mapping_tunnel {
	SONDE_TUNNEL_NONE, /* as it is */
	SONDE_TUNNEL_NAT,  /* with other addresses or ports, by conntrack; never in a key of `mappings` */
	SONDE_TUNNEL_VXLAN,
	SONDE_TUNNEL_GENEVE,
	SONDE_TUNNEL_IPIP, /* IPv4 or IPv6 directly behind the outer IP header */
	SONDE_TUNNELS
};

/*
 * Key of the map `mappings`: one flow as it lies in the underlay's packets at one interface. The VNI is part
 * of it: pods of two virtual networks may have the same addresses. 52 bytes, no padding.
 */
struct mapping_key {
	struct flow_address local; /* of the inner packet: the end that this node has */
	struct flow_address remote;
	__u16 local_port; /* host byte order, as remote_port; 0 where the protocol has none */
	__u16 remote_port;
	__u32 interface; /* index of the underlay's interface */
	__u32 space;     /* as in flow_key */
	__u32 vni;
	__u8 protocol; /* of the inner packet: IPPROTO_… */
	__u8 tunnel;   /* enum mapping_tunnel; NONE for NAT too */
	__u16 reserved;
};

/* The outer header that a direction's packets had last; of a flow without tunnel its own addresses. */
struct mapping_outer {
	struct flow_address local;
	struct flow_address remote;
	__u16 source_port; /* of the outer UDP header, host byte order; 0 where there is none */
	__u16 destination_port;
};

/* One direction of a mapping. */
struct mapping_direction {
	struct mapping_outer outer;
	__u32 changes; /* times that the outer header became another */
	struct flow_direction
	    traffic; /* of the inner IP packets; its request_ns and first_sequence are not used */
	struct flow_probe probe;
};

/* Value of the map `mappings`. */
struct mapping_state {
	__u64 first_ns;
	__u64 flushed_bytes; /* of both directions, added to the path's */
	__u64 flushed_ns;
	__u64 resolved_ns; /* when a packet that was sent was last looked at for NAT; 0: none was */
	struct mapping_direction sent; /* without packets: nothing has left yet, so there is no path */
	struct mapping_direction received;
	struct flow_times rtt;       /* sent on the underlay → the remote's ACK is back on it */
	struct flow_times local_rtt; /* received from the underlay → this node's ACK goes out on it */
	/* The flow on this node's side of its NAT; only with translated == 1. */
	struct flow_address inside_local;
	struct flow_address inside_remote;
	__u16 inside_local_port;
	__u16 inside_remote_port;
	__u32 finished;   /* SONDE_FINISHED_… */
	__u32 translated; /* 1: there is NAT */
	__u32 reserved;
};

/* Bits of mapping_state.finished: who has sent FIN, and whether anybody has sent RST. */
#define SONDE_FINISHED_LOCAL 1
#define SONDE_FINISHED_REMOTE 2
#define SONDE_FINISHED_RESET 4

/*
 * Key of the maps `tunnel_paths` and `plain_paths`: all flows between two pods that ride the same outer
 * addresses. 80 bytes, no padding.
 */
struct path_key {
	struct flow_address local; /* the pod's address, also where NAT hides it */
	struct flow_address remote;
	struct flow_address outer_local; /* of what this node sends */
	struct flow_address outer_remote;
	__u32 interface;
	__u32 space;
	__u32 vni;
	__u8 tunnel; /* enum mapping_tunnel */
	__u8 reserved[3];
};

/* Their value. */
struct path_state {
	__u64 made_ns; /* CLOCK_MONOTONIC; tells one that was made again from the one before */
	__u64 last_ns; /* within a second */
	/* Both directions, at most a second late. Less what flows had in their last second, where they were
	 * evicted or ended without FIN and RST (UDP), and TCP's last acknowledgements. */
	__u64 bytes;
	__u64 flows; /* mappings made */
	struct latency_histogram rtt;
	struct latency_histogram local_rtt;
};

/* Index into the value of the map `mapping_counts`. */
enum mapping_count {
	SONDE_MAPPINGS_MADE,     /* evicted = made - present */
	SONDE_MAPPINGS_NOT_MADE, /* no entry could be had */
	SONDE_PATHS_FULL,        /* a path had no room: a mapping's path, or a sample of it, is missing */
	SONDE_PLAIN_PATHS_MADE,  /* evicted = made - present - deleted by user space */
	SONDE_MAPPING_FOREIGN,   /* looked like a tunnel's packet, and is of no tunnel of this node */
	SONDE_MAPPING_UNASKED,   /* of a tunnel, received, of a flow that this node has sent nothing of */
	SONDE_MAPPING_INNER_MALFORMED, /* a tunnel's packet whose inside makes no sense, or is a fragment */
	SONDE_MAPPING_INNER_OTHER,     /* whose inside is not IP: ARP and the like */
	SONDE_MAPPING_TUNNEL,          /* packets by enum mapping_tunnel, from here on */
	SONDE_MAPPING_PARSED =
	    SONDE_MAPPING_TUNNEL + SONDE_TUNNELS, /* by enum parse_result, of the outer headers */
	SONDE_MAPPING_COUNTS = SONDE_MAPPING_PARSED + SONDE_PARSE_RESULTS
};

struct mapping_counts {
	__u64 counts[SONDE_MAPPING_COUNTS];
};
