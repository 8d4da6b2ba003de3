/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/*
 * Reads the headers of a packet at tc, up to those of TCP and UDP. Whatever the packet holds, what is read
 * lies within it, and lengths are what the packet really has: one that contradicts itself is refused.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_key.h"
#include "bpf/flow_rtt.h"

/* Tags and IPv6 extension headers that are looked at. */
#define SONDE_MAX_VLANS 2
#define SONDE_MAX_EXTENSIONS 6
/* What the headers of a packet may take; no more is made linear for them. */
#define SONDE_MAX_HEADERS 512U

#define SONDE_TCP_FIN 0x01
#define SONDE_TCP_SYN 0x02
#define SONDE_TCP_RST 0x04
#define SONDE_TCP_PSH 0x08
#define SONDE_TCP_ACK 0x10

struct packet {
	union {
		/* Of the source's own end, once interface and space are filled in: copies cost time. */
		struct flow_key key;
		struct {
			struct flow_address source;
			struct flow_address destination;
			__u16 source_port; /* TCP and UDP; host byte order */
			__u16 destination_port;
		};
	};
	__u32 bytes;    /* of IP, its header too; a frame's padding is none of them */
	__u32 payload;  /* bytes behind the TCP header; of others behind the IP headers */
	__u32 sequence; /* TCP's numbers, in host byte order */
	__u32 acknowledgement;
	__u16 network_offset;   /* of the IP header, from the packet's start */
	__u16 transport_offset; /* of what follows the IP headers */
	__u8 version;           /* of IP: 4, 6 */
	__u8 protocol;          /* IPPROTO_… */
	__u8 tcp_flags;
	__u8 reserved;
};

/* What is not so for most packets: their way through the code stays short and straight. */
#define seldom(condition) __builtin_expect(!!(condition), 0)

/* In addition to enum parse_result: there is more to read than what is linear, or what is usual. */
#define SONDE_PARSE_SHORT SONDE_PARSE_RESULTS

struct vlan_header {
	__be16 tag;
	__be16 protocol;
};

struct ipv4_header {
	__u8 version_length;
	__u8 service;
	__be16 bytes;
	__be16 identification;
	__be16 fragment;
	__u8 hops;
	__u8 protocol;
	__be16 checksum;
	__u32 source;
	__u32 destination;
};

struct ipv6_header {
	__be32 version_class_label;
	__be16 payload;
	__u8 next;
	__u8 hops;
	struct flow_address source;
	struct flow_address destination;
};

struct ipv6_extension {
	__u8 next;
	__u8 length;
	__be16 fragment; /* of a fragment header */
	__u32 more;
};

struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledgement;
	__u8 length;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

struct udp_header {
	__be16 source;
	__be16 destination;
	__be16 bytes;
	__be16 checksum;
};

/* The bytes of the packet that programs may read. */
struct linear_part {
	void *start;
	void *end;
	__u32 bytes; /* of the whole packet */
};

/*
 * Whether there are more headers than are looked at. Linux 6.1 believes no check of a pointer that might be
 * near 64 KiB, so it wants to know that none is. The compiler must not make the pointer of another register
 * than the one that is compared here.
 */
static __always_inline bool is_far(__u64 *offset)
{
	asm volatile("" : "+r"(*offset));
	return *offset >= SONDE_MAX_HEADERS;
}

#define SONDE_MISSING(part, offset, size)                                                                    \
	((part)->bytes < (__u32)(offset) + (size) ? (__u32)SONDE_PARSE_TRUNCATED : (__u32)SONDE_PARSE_SHORT)

/*
 * Whether a frame whose Ethernet type fits is none after all: a packet of a device without link-layer headers
 * whose source address reads like that type. Asked only where its first byte could begin an IP header.
 */
static __noinline bool starts_with_ip(struct __sk_buff *skb)
{
	__u8 begin[8] = {}, network[8] = {};

	if (bpf_skb_load_bytes(skb, 0, begin, sizeof(begin)) ||
	    bpf_skb_load_bytes_relative(skb, 0, network, sizeof(network), BPF_HDR_START_NET))
		return false;
	for (int i = 0; i < (int)sizeof(begin); ++i)
		if (begin[i] != network[i])
			return false;
	return true;
}

static __always_inline bool is_ip(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_IP) || protocol == bpf_htons(ETH_P_IPV6);
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* Finds the IP header: its Ethernet type and its offset. Returns enum parse_result. */
static __always_inline __u32 parse_link(struct __sk_buff *skb, const struct linear_part *part, bool rare,
					__be16 *protocol, __u32 *offset)
{
	const struct ethhdr *ethernet = part->start;
	const struct vlan_header *tag;
	__u8 first;

	*offset = 0;
	*protocol = skb->protocol;
	if (seldom((void *)(ethernet + 1) > part->end)) {
		/* Too short for Ethernet and IP, and hardly a whole packet without a link layer. */
		return SONDE_MISSING(part, 0, sizeof(*ethernet));
	}
	first = ethernet->h_dest[0] >> 4;
	if (seldom(first == 4 || first == 6) && is_ip(*protocol) &&
	    (ethernet->h_proto != *protocol || starts_with_ip(skb)))
		return SONDE_PARSED; /* no link layer */
	*protocol = ethernet->h_proto;
	*offset = sizeof(*ethernet);
	if (!rare || is_ip(*protocol))
		return is_vlan(*protocol) ? (__u32)SONDE_PARSE_SHORT : (__u32)SONDE_PARSED;
	for (int tags = 0; tags < SONDE_MAX_VLANS; ++tags) {
		if (!is_vlan(*protocol))
			break;
		tag = part->start + *offset;
		if (seldom((void *)(tag + 1) > part->end))
			return SONDE_MISSING(part, *offset, sizeof(*tag));
		*protocol = tag->protocol;
		*offset += sizeof(*tag);
	}
	return is_vlan(*protocol) ? SONDE_PARSE_EXTENSIONS : SONDE_PARSED;
}

/* Sets addresses, bytes, protocol and transport_offset. Returns enum parse_result. */
static __always_inline __u32 parse_ipv4(const struct linear_part *part, __u32 offset, struct packet *packet)
{
	const struct ipv4_header *ip = part->start + offset;
	__u32 header, bytes;

	if (seldom((void *)(ip + 1) > part->end))
		return SONDE_MISSING(part, offset, sizeof(*ip));
	header = (ip->version_length & 0x0f) * 4;
	bytes = bpf_ntohs(ip->bytes);
	if (seldom(ip->version_length >> 4 != 4 || header < sizeof(*ip)))
		return SONDE_PARSE_MALFORMED;
	if (seldom(bytes == 0) && part->bytes - offset > 0xffff)
		bytes = part->bytes - offset; /* BIG TCP: too many for the field */
	if (seldom(bytes < header))
		return SONDE_PARSE_MALFORMED;
	if (seldom(offset + bytes > part->bytes))
		return SONDE_PARSE_TRUNCATED;
	packet->source.words[0] = 0;
	packet->source.words[1] = 0;
	packet->source.words[2] = bpf_htonl(0xffff);
	packet->source.words[3] = ip->source;
	packet->destination.words[0] = 0;
	packet->destination.words[1] = 0;
	packet->destination.words[2] = bpf_htonl(0xffff);
	packet->destination.words[3] = ip->destination;
	packet->bytes = bytes;
	packet->version = 4;
	packet->protocol = ip->protocol;
	packet->transport_offset = offset + header;
	/* More fragments, or not the first. */
	return ip->fragment & bpf_htons(0x3fff) ? SONDE_PARSE_FRAGMENT : SONDE_PARSED;
}

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_AH || next == IPPROTO_FRAGMENT;
}

/* As parse_ipv4(). */
static __always_inline __u32 parse_ipv6(const struct linear_part *part, bool rare, __u32 offset,
					struct packet *packet)
{
	const struct ipv6_header *ip = part->start + offset;
	const struct ipv6_extension *extension;
	__u32 bytes, size;
	__u64 at;
	__u8 next;

	if (seldom((void *)(ip + 1) > part->end))
		return SONDE_MISSING(part, offset, sizeof(*ip));
	if ((ip->version_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return SONDE_PARSE_MALFORMED;
	bytes = sizeof(*ip) + bpf_ntohs(ip->payload);
	if (ip->payload == 0 && part->bytes - offset > sizeof(*ip) + 0xffff)
		bytes = part->bytes - offset; /* BIG TCP */
	if (seldom(offset + bytes > part->bytes))
		return SONDE_PARSE_TRUNCATED;
	packet->source = ip->source;
	packet->destination = ip->destination;
	packet->bytes = bytes;
	packet->version = 6;
	next = ip->next;
	offset += sizeof(*ip);
	if (!rare && seldom(is_extension(next)))
		return SONDE_PARSE_SHORT;
	for (int i = 0; rare && i < SONDE_MAX_EXTENSIONS && is_extension(next); ++i) {
		at = offset;
		if (is_far(&at))
			return SONDE_PARSE_EXTENSIONS;
		extension = part->start + at;
		if (seldom((void *)(extension + 1) > part->end))
			return SONDE_MISSING(part, offset, sizeof(*extension));
		if (next == IPPROTO_FRAGMENT && extension->fragment & bpf_htons(0xfff9)) {
			packet->protocol = extension->next;
			packet->transport_offset = 0;
			return SONDE_PARSE_FRAGMENT;
		}
		size = (extension->length + 1) * 8;
		if (next == IPPROTO_AH)
			size = (extension->length + 2) * 4;
		if (next == IPPROTO_FRAGMENT)
			size = sizeof(*extension);
		next = extension->next;
		offset += size;
	}
	if (is_extension(next))
		return SONDE_PARSE_EXTENSIONS;
	packet->protocol = next;
	packet->transport_offset = offset;
	return SONDE_PARSED;
}

/* Sets ports, numbers, flags and payload. Returns enum parse_result. */
static __always_inline __u32 parse_transport(const struct linear_part *part, struct packet *packet)
{
	__u64 offset = packet->transport_offset;
	__u32 end = packet->network_offset + packet->bytes;
	const struct tcp_header *tcp;
	const struct udp_header *udp;
	__u32 header;

	if (seldom(is_far(&offset)))
		return SONDE_PARSE_EXTENSIONS;
	tcp = part->start + offset;
	udp = part->start + offset;
	if (seldom(offset > end))
		return SONDE_PARSE_MALFORMED;
	packet->payload = end - offset;
	if (packet->protocol == IPPROTO_UDP) {
		if (packet->payload < sizeof(*udp))
			return SONDE_PARSE_MALFORMED;
		if (seldom((void *)(udp + 1) > part->end))
			return SONDE_MISSING(part, offset, sizeof(*udp));
		packet->source_port = bpf_ntohs(udp->source);
		packet->destination_port = bpf_ntohs(udp->destination);
		return SONDE_PARSED;
	}
	if (packet->protocol != IPPROTO_TCP)
		return SONDE_PARSED;
	if (seldom(packet->payload < sizeof(*tcp)))
		return SONDE_PARSE_MALFORMED;
	if (seldom((void *)(tcp + 1) > part->end))
		return SONDE_MISSING(part, offset, sizeof(*tcp));
	header = (tcp->length >> 4) * 4;
	if (seldom(header < sizeof(*tcp) || header > packet->payload))
		return SONDE_PARSE_MALFORMED;
	if (tcp->flags & SONDE_TCP_SYN && tcp->flags & (SONDE_TCP_FIN | SONDE_TCP_RST))
		return SONDE_PARSE_MALFORMED;
	packet->source_port = bpf_ntohs(tcp->source);
	packet->destination_port = bpf_ntohs(tcp->destination);
	packet->sequence = bpf_ntohl(tcp->sequence);
	packet->acknowledgement = bpf_ntohl(tcp->acknowledgement);
	packet->tcp_flags = tcp->flags;
	packet->payload -= header;
	return SONDE_PARSED;
}

/* `rare`: VLAN tags and IPv6 extension headers too; else SONDE_PARSE_SHORT where there are some. */
static __always_inline __u32 parse_linear(struct __sk_buff *skb, bool rare, struct packet *packet)
{
	struct linear_part part = {(void *)(long)skb->data, (void *)(long)skb->data_end, skb->len};
	__u32 offset, result;
	__be16 protocol;

	packet->sequence = 0;
	packet->acknowledgement = 0;
	packet->source_port = 0;
	packet->destination_port = 0;
	packet->payload = 0;
	packet->tcp_flags = 0;
	packet->reserved = 0;
	result = parse_link(skb, &part, rare, &protocol, &offset);
	if (result != SONDE_PARSED)
		return result;
	packet->network_offset = offset;
	if (protocol == bpf_htons(ETH_P_IP))
		result = parse_ipv4(&part, offset, packet);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		result = parse_ipv6(&part, rare, offset, packet);
	else
		return SONDE_PARSE_NOT_IP;
	if (result != SONDE_PARSED)
		return result;
	return parse_transport(&part, packet);
}

/* Once more, whatever the headers, which are made linear. */
static __noinline __u32 parse_pulled(struct __sk_buff *skb, struct packet *packet)
{
	__u32 bytes = skb->len < SONDE_MAX_HEADERS ? skb->len : SONDE_MAX_HEADERS;
	__u32 result;

	if (bpf_skb_pull_data(skb, bytes))
		return SONDE_PARSE_TRUNCATED;
	result = parse_linear(skb, true, packet);
	return result == SONDE_PARSE_SHORT ? SONDE_PARSE_EXTENSIONS : result;
}

/*
 * Fills `packet`; returns enum parse_result. After SONDE_PARSE_FRAGMENT addresses, bytes and protocol are
 * right and the rest is 0; after others but SONDE_PARSED nothing is. Pointers into the packet that the caller
 * had are invalid afterwards.
 */
static __always_inline __u32 parse_packet(struct __sk_buff *skb, struct packet *packet)
{
	__u32 result = parse_linear(skb, false, packet);

	return seldom(result == SONDE_PARSE_SHORT) ? parse_pulled(skb, packet) : result;
}
