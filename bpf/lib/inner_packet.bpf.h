/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/*
 * Reads the packet that lies inside a tunnel's, at any offset. It is copied out piece by piece: so deep, the
 * packet is seldom linear, and pulling it would cost more.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/lib/packet.bpf.h"

#define SONDE_IP_FRAGMENT 0x3fff /* more fragments follow, or this is not the first */
#define SONDE_IPV6_FRAGMENT 44

/* The Ethernet header's type of an inner packet without Ethernet header is given by who carries it. */
#define SONDE_INNER_ETHERNET 0x6558

static __always_inline void inner_v4_address(struct flow_address *address, __be32 v4)
{
	__builtin_memset(address, 0, sizeof *address);
	address->bytes[10] = 0xff;
	address->bytes[11] = 0xff;
	__builtin_memcpy(address->bytes + 12, &v4, sizeof v4);
}

/* What remains of the packet from an offset on; of one of many segments (GSO) the headers tell less. */
static __always_inline __u32 inner_length(const struct __sk_buff *skb, __u32 offset, __u32 told)
{
	return skb->gso_segs > 1 || told == 0 ? skb->len - offset : told;
}

static __always_inline __u32 parse_inner_transport(struct __sk_buff *skb, struct packet *packet, __u32 offset,
						   __u32 end)
{
	struct tcphdr tcp;
	struct udphdr udp;
	__u32 length = end - offset;

	packet->payload = length;
	if (packet->protocol == IPPROTO_TCP) {
		if (length < sizeof tcp || bpf_skb_load_bytes(skb, offset, &tcp, sizeof tcp))
			return SONDE_PARSE_TRUNCATED;
		if (tcp.doff < 5 || tcp.doff * 4U > length)
			return SONDE_PARSE_MALFORMED;
		packet->source_port = bpf_ntohs(tcp.source);
		packet->destination_port = bpf_ntohs(tcp.dest);
		packet->sequence = bpf_ntohl(tcp.seq);
		packet->acknowledgement = bpf_ntohl(tcp.ack_seq);
		packet->payload = length - tcp.doff * 4U;
		packet->tcp_flags = ((__u8 *)&tcp)[13];
	} else if (packet->protocol == IPPROTO_UDP) {
		if (length < sizeof udp || bpf_skb_load_bytes(skb, offset, &udp, sizeof udp))
			return SONDE_PARSE_TRUNCATED;
		packet->source_port = bpf_ntohs(udp.source);
		packet->destination_port = bpf_ntohs(udp.dest);
	}
	return SONDE_PARSED;
}

static __always_inline __u32 parse_inner_v4(struct __sk_buff *skb, struct packet *packet, __u32 offset)
{
	struct iphdr ip;
	__u32 header;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip))
		return SONDE_PARSE_TRUNCATED;
	header = ip.ihl * 4U;
	packet->bytes = inner_length(skb, offset, bpf_ntohs(ip.tot_len));
	if (ip.version != 4 || header < sizeof ip || packet->bytes < header)
		return SONDE_PARSE_MALFORMED;
	if (packet->bytes > skb->len - offset)
		return SONDE_PARSE_TRUNCATED;
	inner_v4_address(&packet->source, ip.saddr);
	inner_v4_address(&packet->destination, ip.daddr);
	packet->version = 4;
	packet->protocol = ip.protocol;
	if (ip.frag_off & bpf_htons(SONDE_IP_FRAGMENT))
		return SONDE_PARSE_FRAGMENT;
	return parse_inner_transport(skb, packet, offset + header, offset + packet->bytes);
}

static __always_inline __u32 parse_inner_v6(struct __sk_buff *skb, struct packet *packet, __u32 offset)
{
	struct ipv6hdr ip;
	struct {
		__u8 next;
		__u8 length;
	} extension;
	__u32 told;
	__u32 at = offset + sizeof ip;
	int i;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip))
		return SONDE_PARSE_TRUNCATED;
	told = bpf_ntohs(ip.payload_len);
	packet->bytes = inner_length(skb, offset, told ? told + sizeof ip : 0);
	if (ip.version != 6 || packet->bytes < sizeof ip)
		return SONDE_PARSE_MALFORMED;
	if (packet->bytes > skb->len - offset)
		return SONDE_PARSE_TRUNCATED;
	__builtin_memcpy(&packet->source, &ip.saddr, sizeof packet->source);
	__builtin_memcpy(&packet->destination, &ip.daddr, sizeof packet->destination);
	packet->version = 6;
	packet->protocol = ip.nexthdr;
	for (i = 0; i < SONDE_MAX_EXTENSIONS; ++i) {
		__u8 kind = packet->protocol;

		if (kind == SONDE_IPV6_FRAGMENT)
			return SONDE_PARSE_FRAGMENT;
		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS &&
		    kind != IPPROTO_AH)
			break;
		if (bpf_skb_load_bytes(skb, at, &extension, sizeof extension))
			return SONDE_PARSE_TRUNCATED;
		/* AH counts words of 4 bytes less 2, the others words of 8 bytes less 1. */
		at += kind == IPPROTO_AH ? (extension.length + 2U) * 4 : (extension.length + 1U) * 8;
		packet->protocol = extension.next;
	}
	if (i == SONDE_MAX_EXTENSIONS)
		return SONDE_PARSE_EXTENSIONS;
	if (at > offset + packet->bytes)
		return SONDE_PARSE_MALFORMED;
	return parse_inner_transport(skb, packet, at, offset + packet->bytes);
}

/*
 * Fills `packet`, whose fields are all 0, from an inner packet of Ethernet type `type` at `offset`; offsets
 * are left 0. Returns enum parse_result, as parse_packet().
 */
static __noinline __u32 parse_inner(struct __sk_buff *skb, struct packet *packet, __u32 offset, __u32 type)
{
	__be16 next;
	int i;

	if (!packet) /* never; the verifier of a function on its own wants to know */
		return SONDE_PARSE_TRUNCATED;
	if (type == SONDE_INNER_ETHERNET) {
		if (bpf_skb_load_bytes(skb, offset + 12, &next, sizeof next))
			return SONDE_PARSE_TRUNCATED;
		offset += ETH_HLEN;
		type = bpf_ntohs(next);
		for (i = 0; i < SONDE_MAX_VLANS && (type == ETH_P_8021Q || type == ETH_P_8021AD); ++i) {
			if (bpf_skb_load_bytes(skb, offset + 2, &next, sizeof next))
				return SONDE_PARSE_TRUNCATED;
			offset += 4;
			type = bpf_ntohs(next);
		}
	}
	if (type == ETH_P_IP)
		return parse_inner_v4(skb, packet, offset);
	if (type == ETH_P_IPV6)
		return parse_inner_v6(skb, packet, offset);
	return SONDE_PARSE_NOT_IP;
}
