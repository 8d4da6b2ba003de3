/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/* IPv6, or IPv4 as ::ffff:a.b.c.d. */
struct flow_address {
	__u8 bytes[16];
};

/* One flow as seen at one interface. 44 bytes, no padding. */
struct flow_key {
	struct flow_address local; /* the container's side */
	struct flow_address remote;
	__u16 local_port; /* host byte order, as remote_port */
	__u16 remote_port;
	__u32 interface; /* index of the interface that the program is attached to */
	__u32
	    space; /* number of the network namespace of that interface, given by the exporter; 0: its own */
};

/* All flows of one interface with one remote address. 24 bytes, no padding. */
struct pair_key {
	struct flow_address remote; /* all zero: the interface's slot for what found no other */
	__u32 interface;
	__u32 space;
};
