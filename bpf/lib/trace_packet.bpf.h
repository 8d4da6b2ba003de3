/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/packet_trace.h"

#define SONDE_EXTENSION_HEADERS 4 /* of IPv6, that are looked behind */
#define SONDE_AF_INET6 10

/* What a tracepoint sees of a TCP packet. */
struct traced_packet {
	struct trace_direction direction;
	__u32 seq;
	__u32 ack;
	__u32 payload; /* bytes */
};

static __always_inline void address_of_v4(struct flow_address *address, __be32 v4)
{
	__u32 *words = (__u32 *)address->bytes;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = v4;
}

/*
 * Length of all headers up to TCP's and, by `size`, of the whole; 0: no TCP packet, or a later fragment. The
 * addresses are those of any packet of IP.
 */
static __always_inline __u32 read_ip(const unsigned char *start, __be16 protocol, __u32 left,
				     struct trace_direction *direction, __u32 *size)
{
	if (protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_probe_read_kernel(&ip, sizeof(ip), start))
			return 0;
		address_of_v4(&direction->source, ip.saddr);
		address_of_v4(&direction->destination, ip.daddr);
		if (ip.protocol != IPPROTO_TCP || ip.frag_off & bpf_htons(0x1fff))
			return 0;
		/* BIG TCP has 0 there. */
		*size = ip.tot_len ? bpf_ntohs(ip.tot_len) : left;
		return ip.ihl * 4;
	}
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;
		__u32 length = sizeof(ip);
		__u8 next;

		if (bpf_probe_read_kernel(&ip, sizeof(ip), start))
			return 0;
		__builtin_memcpy(&direction->source, &ip.saddr, sizeof(direction->source));
		__builtin_memcpy(&direction->destination, &ip.daddr, sizeof(direction->destination));
		*size = ip.payload_len ? bpf_ntohs(ip.payload_len) + (__u32)sizeof(ip) : left;
		next = ip.nexthdr;
		for (int i = 0; i < SONDE_EXTENSION_HEADERS; i++) {
			__u8 extension[2];

			if (next == IPPROTO_TCP)
				return length;
			if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
				return 0;
			if (bpf_probe_read_kernel(extension, sizeof(extension), start + length))
				return 0;
			next = extension[0];
			length += (extension[1] + 1) * 8;
		}
	}
	return 0;
}

/*
 * Reads the packet whose IP header lies at `start`; `linear` bytes from there on are in one piece. False for
 * what is no TCP segment with acknowledgement, or has its headers elsewhere: a later tracepoint sees it. The
 * addresses are read of any packet of IP; they stay 0 of others.
 */
static __noinline bool read_packet(struct sk_buff *skb, const unsigned char *start, __u32 linear, __u32 left,
				   struct traced_packet *packet)
{
	struct tcphdr tcp;
	__u32 size = 0;
	__u32 header;

	if (!packet)
		return false;
	header = read_ip(start, skb->protocol, left, &packet->direction, &size);
	if (header < sizeof(struct iphdr) || header + sizeof(tcp) > linear)
		return false;
	if (bpf_probe_read_kernel(&tcp, sizeof(tcp), start + header) || tcp.syn || tcp.rst || !tcp.ack)
		return false;
	packet->direction.source_port = bpf_ntohs(tcp.source);
	packet->direction.destination_port = bpf_ntohs(tcp.dest);
	packet->seq = bpf_ntohl(tcp.seq);
	packet->ack = bpf_ntohl(tcp.ack_seq);
	header += tcp.doff * 4;
	packet->payload = size > header ? size - header : 0;
	return true;
}

/* A packet on its way out: `data` is in front of the Ethernet header. */
static __always_inline bool read_sent(struct sk_buff *skb, struct traced_packet *packet)
{
	const unsigned char *start = skb->head + skb->network_header;
	__u32 before = start - skb->data;
	__u32 length = skb->len;
	__u32 linear = length - skb->data_len;

	if (before > linear)
		return false;
	return read_packet(skb, start, linear - before, length - before, packet);
}

/* A packet that comes in: `data` is the IP header. */
static __always_inline bool read_received(struct sk_buff *skb, struct traced_packet *packet)
{
	__u32 length = skb->len;

	return read_packet(skb, skb->data, length - skb->data_len, length, packet);
}

/* What a socket sends; the other direction is what it receives. */
static __always_inline bool direction_of_socket(struct sock *sk, struct trace_direction *sent)
{
	if (sk->__sk_common.skc_family == SONDE_AF_INET6) {
		BPF_CORE_READ_INTO(&sent->source, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&sent->destination, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	} else {
		address_of_v4(&sent->source, sk->__sk_common.skc_rcv_saddr);
		address_of_v4(&sent->destination, sk->__sk_common.skc_daddr);
	}
	sent->source_port = sk->__sk_common.skc_num;
	sent->destination_port = bpf_ntohs(sk->__sk_common.skc_dport);
	return sent->source_port != 0;
}

static __always_inline void turn_around(struct trace_direction *direction)
{
	struct trace_direction other = *direction;

	direction->source = other.destination;
	direction->destination = other.source;
	direction->source_port = other.destination_port;
	direction->destination_port = other.source_port;
}
