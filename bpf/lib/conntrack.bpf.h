/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* What conntrack knows of a packet that is about to leave: whose it was before NAT. */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_key.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* The kernel's types, as in kernel_types.h. */
union nf_inet_addr {
	__u32 all[4];
};

union nf_conntrack_man_proto {
	__be16 all;
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
};

struct sk_buff___tracked {
	unsigned long _nfct;
};

#pragma clang attribute pop

/* Low bits of sk_buff._nfct: enum ip_conntrack_info; from IP_CT_IS_REPLY on, the packet is an answer. */
#define SONDE_CONNTRACK_INFO 7UL
#define SONDE_CONNTRACK_REPLY 3UL
#define SONDE_CONNTRACK_IPV4 2 /* AF_INET */

struct tracked_flow {
	struct flow_address source;
	struct flow_address destination;
	__u16 source_port; /* host byte order */
	__u16 destination_port;
};

static __always_inline void tracked_address(struct flow_address *address, const __u32 words[4], __u16 family)
{
	if (family == SONDE_CONNTRACK_IPV4) {
		__builtin_memset(address, 0, sizeof *address);
		address->bytes[10] = 0xff;
		address->bytes[11] = 0xff;
		__builtin_memcpy(address->bytes + 12, words, 4);
	} else {
		__builtin_memcpy(address, words, sizeof *address);
	}
}

/*
 * The tuple that a packet had before NAT; false where conntrack knows nothing of it, or this kernel has no
 * conntrack. tc programs may read the kernel's memory (CAP_PERFMON): their context is the sk_buff itself.
 */
static __always_inline bool flow_before_nat(struct __sk_buff *skb, struct tracked_flow *flow)
{
	const struct sk_buff___tracked *buffer = (const void *)skb;
	const struct nf_conntrack_tuple *tuple;
	const struct nf_conn *connection;
	unsigned long tracked = 0;
	__u32 words[4];
	__be16 port = 0;
	__u16 family = 0;

	if (!bpf_core_field_exists(buffer->_nfct) || !bpf_core_type_exists(struct nf_conn))
		return false;
	if (bpf_core_read(&tracked, sizeof tracked, &buffer->_nfct))
		return false;
	connection = (const void *)(tracked & ~SONDE_CONNTRACK_INFO);
	if (!connection)
		return false;
	if ((tracked & SONDE_CONNTRACK_INFO) < SONDE_CONNTRACK_REPLY)
		tuple = &connection->tuplehash[0].tuple;
	else
		tuple = &connection->tuplehash[1].tuple;
	if (bpf_core_read(&family, sizeof family, &tuple->src.l3num) ||
	    bpf_core_read(words, sizeof words, &tuple->src.u3))
		return false;
	tracked_address(&flow->source, words, family);
	if (bpf_core_read(words, sizeof words, &tuple->dst.u3))
		return false;
	tracked_address(&flow->destination, words, family);
	if (bpf_core_read(&port, sizeof port, &tuple->src.u.all))
		return false;
	flow->source_port = bpf_ntohs(port);
	if (bpf_core_read(&port, sizeof port, &tuple->dst.u.all))
		return false;
	flow->destination_port = bpf_ntohs(port);
	return true;
}
