/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/flow_key.h"

/* Where on its way a packet was seen, in the order of the way; the wait for a CPU is a thread's. */
enum trace_layer {
	SONDE_TRACE_WRITE,       /* a thread hands bytes to the socket */
	SONDE_TRACE_QUEUE,       /* the packet reaches a device: IP, netfilter and tc egress lie behind it */
	SONDE_TRACE_TRANSMIT,    /* the qdisc gives it to the driver */
	SONDE_TRACE_TRANSMITTED, /* the driver has taken it */
	SONDE_TRACE_ARRIVE,      /* the driver hands it to the kernel */
	SONDE_TRACE_RECEIVE,     /* the softirq takes it up; tc ingress, netfilter and IP come next */
	SONDE_TRACE_SOCKET,      /* TCP has it */
	SONDE_TRACE_READ,        /* a thread has read up to end_seq */
	SONDE_TRACE_RUN_QUEUE,   /* a thread came to a CPU; value: since when it could have run, ns */
	SONDE_TRACE_RETRANSMIT   /* TCP sends it again; value: segments of it */
};
#define SONDE_TRACE_LAYER_COUNT 10

enum trace_flags {
	SONDE_TRACE_OWN_SOCKET = 1,      /* the device is in the network namespace of the socket that sends */
	SONDE_TRACE_NO_PAYLOAD = 2,      /* an acknowledgement alone */
	SONDE_TRACE_WINDOW_FULL = 4,     /* the receiver has no room for a segment more */
	SONDE_TRACE_CONGESTION_FULL = 8, /* as many segments are under way as congestion control allows */
	SONDE_TRACE_NAGLE = 16 /* less than a segment waits until all before it is acknowledged (Nagle) */
};

#define SONDE_TRACE_NO_FLOW 0xffffffffU
#define SONDE_TRACE_TRANSLATED 0x40000000U /* in the map `flows` alone: these addresses are NAT's */

/* A record of the ring buffer `events`. */
struct trace_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 value;   /* QUEUE: when TCP let the packet go, ns, 0: unknown. Else as said at the layer */
	__u32
	    flow;  /* number of the flow * 2 + direction (1: towards its local end); or SONDE_TRACE_NO_FLOW */
	__u32 seq; /* TCP's number of the first byte */
	__u32 end_seq;   /* behind the last byte; SYN and FIN count as none */
	__u32 ack;       /* of the packet's header; 0 at WRITE, READ */
	__u32 thread;    /* who ran: its owner at WRITE, READ and RUN_QUEUE, anyone else in between */
	__u32 space;     /* inode of the network namespace of the device or socket */
	__u32 interface; /* number of the device there; 0 at the layers of sockets */
	__u16 cpu;
	__u8 layer; /* enum trace_layer */
	__u8 flags; /* enum trace_flags */
};

/* One direction of a flow, as its packets have it; host byte order. */
struct trace_direction {
	struct flow_address source;
	struct flow_address destination;
	__u16 source_port;
	__u16 destination_port;
};

/* Flows of the sockets in a network namespace are traced as they appear; 0 stands for any. */
struct trace_rule {
	struct flow_address remote;
	__u16 remote_port;
	__u16 local_port;
};

/* A thread that writes to or reads from a traced flow. */
struct trace_thread {
	__u64 waits_since_ns; /* it could run and does not; 0: it runs or sleeps */
	__u64 cgroup;         /* id in the hierarchy that task events belong to */
	__u32 waits_on;       /* the CPU */
	__u32 process;
	char name[16];
};

/* Whether a traced thread waits for a CPU. */
struct trace_cpu {
	__u64 since_ns; /* what runs there is counted up to here */
	__u64 victim;   /* cgroup of the traced thread that waits; where several do, of the latest */
	__s32 waiting;  /* how many do */
	__u32 reserved;
};

/* Who ran on a CPU that a traced thread waited for. */
struct trace_rival {
	__u64 cgroup; /* 0: nobody did, so the thread waited for its own limit */
	__u64 victim; /* cgroup of the thread that waited */
};

/* A device that traced packets wait for. */
struct trace_device {
	__u32 space;
	__u32 interface;
};

/* Whose packets went to it. */
struct trace_device_source {
	struct trace_device device;
	struct flow_address source;
};

/* Index of the map `tallies`. */
enum trace_tally {
	SONDE_TRACE_SENT,        /* events in the ring buffer */
	SONDE_TRACE_OVER_BUDGET, /* events left out: the second's budget was used up */
	SONDE_TRACE_RING_FULL,   /* events left out: the reader was behind */
	SONDE_TRACE_NO_ROOM,     /* flows, devices, sources or rivals left out: a map was full */
	SONDE_TRACE_NEXT_FLOW    /* no tally: the number of the next flow that a rule finds */
};
#define SONDE_TRACE_TALLY_COUNT 5

/* Set before load. */
struct trace_settings {
	__u64 shortest_wait_ns;  /* shorter waits for a CPU are no events */
	__u32 events_per_second; /* the budget, of the node */
	__u32 most_flows;
};
