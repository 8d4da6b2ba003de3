/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/*
 * Whether a packet that leaves was put into its tunnel by this kernel. Its bytes cannot tell: anybody may
 * send UDP to a tunnel's port.
 */
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_mapping.h"
#include "bpf/kernel_types.h"
#include "bpf/lib/inner_packet.bpf.h"
#include "bpf/lib/packet.bpf.h"

/* Which tunnel the outer packet is of; where its inside begins, as which Ethernet type, and its VNI. */
static __always_inline __u32 find_tunnel(struct __sk_buff *skb, const struct packet *outer, __u16 vxlan_port,
					 __u16 geneve_port, __u32 *offset, __u32 *type, __u32 *vni)
{
	__u8 header[8];
	__u32 at = outer->transport_offset;

	if (outer->protocol == IPPROTO_IPIP || outer->protocol == IPPROTO_IPV6) {
		*offset = at;
		*type = outer->protocol == IPPROTO_IPIP ? ETH_P_IP : ETH_P_IPV6;
		return SONDE_TUNNEL_IPIP;
	}
	if (outer->protocol != IPPROTO_UDP)
		return SONDE_TUNNEL_NONE;
	if (outer->destination_port != vxlan_port && outer->destination_port != geneve_port)
		return SONDE_TUNNEL_NONE;
	at += sizeof(struct udphdr);
	if (bpf_skb_load_bytes(skb, at, header, sizeof header))
		return SONDE_TUNNEL_NONE;
	*vni = (__u32)header[4] << 16 | (__u32)header[5] << 8 | header[6];
	at += sizeof header;
	if (outer->destination_port == vxlan_port) {
		if (!(header[0] & 0x08)) /* without a VNI it is none of VXLAN's */
			return SONDE_TUNNEL_NONE;
		*offset = at;
		*type = SONDE_INNER_ETHERNET;
		return SONDE_TUNNEL_VXLAN;
	}
	if (header[0] & 0xc0) /* a version that is not known */
		return SONDE_TUNNEL_NONE;
	*offset = at + (header[0] & 0x3f) * 4U;
	*type = (__u32)header[2] << 8 | header[3];
	return SONDE_TUNNEL_GENEVE;
}

/*
 * Every tunnel device notes what it has put into the packet (skb_set_inner_protocol(),
 * skb_set_inner_ipproto()), also where the bit `encapsulation` falls again because no checksum is left to do.
 * Sockets never do.
 */
static __always_inline bool is_of_tunnel_device(struct __sk_buff *skb)
{
	const struct sk_buff *buffer = (const void *)skb;
	__be16 inner = 0;

	return !bpf_core_read(&inner, sizeof inner, &buffer->inner_protocol) && inner;
}

/* Whether a socket of the interface's own network namespace has sent it: none of a pod with its own network.
 */
static __always_inline bool is_of_socket_here(struct __sk_buff *skb)
{
	const struct sk_buff *buffer = (const void *)skb;
	const struct net *of_socket = NULL, *here = NULL;
	const struct net_device *device = NULL;
	const struct sock *socket = NULL;

	if (bpf_core_read(&socket, sizeof socket, &buffer->sk) || !socket)
		return false;
	if (bpf_core_read(&of_socket, sizeof of_socket, &socket->__sk_common.skc_net.net) ||
	    bpf_core_read(&device, sizeof device, &buffer->dev) ||
	    bpf_core_read(&here, sizeof here, &device->nd_net.net))
		return false;
	return here && here == of_socket;
}

/*
 * The node's own addresses, between which its tunnels are. Value: not used. Filled by user space. Full: what
 * has no room is told in the log, and tunnels from there are not known.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct flow_address);
	__type(value, __u8);
} own_addresses SEC(".maps");

static __always_inline bool is_own(const struct flow_address *address)
{
	return bpf_map_lookup_elem(&own_addresses, address) != NULL;
}

/*
 * Whether what looks like a tunnel's packet is of one of this node's; else it is a plain one.
 * `user_space_tunnels`: sockets of the node may make such packets too.
 */
static __always_inline bool is_of_own_tunnel(struct __sk_buff *skb, const struct packet *outer, bool sent,
					     bool user_space_tunnels)
{
	if (!sent)
		return is_own(&outer->destination);
	return is_own(&outer->source) &&
	       (is_of_tunnel_device(skb) || (user_space_tunnels && is_of_socket_here(skb)));
}
