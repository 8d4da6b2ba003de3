/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d; network byte order. */
struct flow_address {
	union {
		__u8 bytes[16];
		__u32 words[4]; /* the same, for the programs: whole words to copy */
	};
};

/* A TCP connection as one interface sees it. 44 bytes, no padding. */
struct flow_key {
	struct flow_address local; /* the container's side */
	struct flow_address remote;
	__u16 local_port; /* host byte order */
	__u16 remote_port;
	__u32 interface; /* ifindex that the program is attached to */
	__u32 space;     /* number that the exporter gave that interface's network namespace; 0: its own */
};

/* All traffic of an interface with one address. 24 bytes. A remote of all zeros: those without room. */
struct pair_key {
	struct flow_address remote;
	__u32 interface;
	__u32 space;
};
