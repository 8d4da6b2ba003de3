// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which flow lies in which of the underlay's, and how long the underlay takes for it.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_mapping.h"
#include "bpf/lib/conntrack.bpf.h"
#include "bpf/lib/errors.bpf.h"
#include "bpf/lib/inner_packet.bpf.h"
#include "bpf/lib/packet.bpf.h"
#include "bpf/lib/probes.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct mapping_settings settings = {.vxlan_port = 4789, .geneve_port = 6081};

/*
 * Key: a flow in the underlay's packets. Value: the outer header of each direction, traffic, times. Bound:
 * --mapping.max-flows, set before load. Full: the least recently used go; made - present tells how many.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mapping_key);
	__type(value, struct mapping_state);
} mappings SEC(".maps");

/*
 * Key: two pods and the outer addresses between them. Value: times of all their flows. Bound:
 * --mapping.max-paths, set before load; user space deletes those that rest. Full: counted (SONDE_PATHS_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct path_key);
	__type(value, struct path_state);
} paths SEC(".maps");

/* Packets and entries by enum mapping_count. Key: 0; cannot be full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mapping_counts);
} mapping_counts SEC(".maps");

/* What does not fit on the stack. tc programs of one CPU never interrupt each other. */
struct scratch {
	struct packet outer;
	struct packet inner;
	struct mapping_key key;
	struct mapping_outer ends; /* the outer header, turned so that `local` is this node */
	struct path_key path;
	struct mapping_state made;
	struct path_state path_made;
	struct tracked_flow tracked;
};

/* Key: 0. Bound: one a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

#define SONDE_FLUSH_NS 1000000000ULL
/* A sample above this is none: the entry's memory went to another flow meanwhile. */
#define SONDE_LONGEST_SAMPLE_NS 120000000000ULL

static __always_inline void count(__u32 which)
{
	__u32 zero = 0;
	struct mapping_counts *all = bpf_map_lookup_elem(&mapping_counts, &zero);

	if (all && which < SONDE_MAPPING_COUNTS)
		all->counts[which]++;
}

static __always_inline bool same_address(const struct flow_address *one, const struct flow_address *other)
{
	return one->words[0] == other->words[0] && one->words[1] == other->words[1] &&
	       one->words[2] == other->words[2] && one->words[3] == other->words[3];
}

/* Which tunnel the outer packet is of; where its inside begins, as which Ethernet type, and its VNI. */
static __always_inline __u32 find_tunnel(struct __sk_buff *skb, const struct packet *outer, __u32 *offset,
					 __u32 *type, __u32 *vni)
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
	if (outer->destination_port != settings.vxlan_port && outer->destination_port != settings.geneve_port)
		return SONDE_TUNNEL_NONE;
	at += sizeof(struct udphdr);
	if (bpf_skb_load_bytes(skb, at, header, sizeof header))
		return SONDE_TUNNEL_NONE;
	*vni = (__u32)header[4] << 16 | (__u32)header[5] << 8 | header[6];
	at += sizeof header;
	if (outer->destination_port == settings.vxlan_port) {
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

/* The entry of this flow, made if need be; NULL where none could be had, which is counted. */
static __always_inline struct mapping_state *state_of(struct scratch *s, __u64 now, bool *fresh)
{
	struct mapping_state *state = bpf_map_lookup_elem(&mappings, &s->key);
	long failed;

	if (state)
		return state;
	__builtin_memset(&s->made, 0, sizeof s->made);
	s->made.first_ns = now;
	failed = bpf_map_update_elem(&mappings, &s->key, &s->made, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&mappings, &s->key);
	if (!failed) {
		count(SONDE_MAPPINGS_MADE);
		*fresh = true;
	}
	if (!state)
		count(SONDE_MAPPINGS_NOT_MADE);
	return state;
}

/* Looks at a flow without tunnel for NAT, once, at a packet that leaves: only then has conntrack seen it. */
static __always_inline void resolve(struct __sk_buff *skb, struct scratch *s, struct mapping_state *state)
{
	struct tracked_flow *tracked = &s->tracked;

	if (flow_before_nat(skb, tracked) &&
	    (!same_address(&tracked->source, &s->key.local) ||
	     !same_address(&tracked->destination, &s->key.remote) ||
	     tracked->source_port != s->key.local_port || tracked->destination_port != s->key.remote_port)) {
		state->inside_local = tracked->source;
		state->inside_remote = tracked->destination;
		state->inside_local_port = tracked->source_port;
		state->inside_remote_port = tracked->destination_port;
		state->translated = 1;
	}
	state->resolved = 1;
}

/* The path of a flow's packets, made if need be; NULL where it has no room, which is counted. */
static __noinline struct path_state *path_of(struct scratch *s, const struct mapping_state *state)
{
	struct path_key *key;
	struct path_state *path;

	if (!s || !state) /* never; the verifier of a function on its own wants to know */
		return NULL;
	key = &s->path;
	__builtin_memset(key, 0, sizeof *key);
	key->local = state->translated ? state->inside_local : s->key.local;
	key->remote = state->translated ? state->inside_remote : s->key.remote;
	key->outer_local = s->ends.local;
	key->outer_remote = s->ends.remote;
	key->interface = s->key.interface;
	key->space = s->key.space;
	key->vni = s->key.vni;
	key->tunnel = state->translated ? SONDE_TUNNEL_NAT : s->key.tunnel;
	path = bpf_map_lookup_elem(&paths, key);
	if (path)
		return path;
	__builtin_memset(&s->path_made, 0, sizeof s->path_made);
	bpf_map_update_elem(&paths, key, &s->path_made, BPF_NOEXIST);
	path = bpf_map_lookup_elem(&paths, key);
	if (!path)
		count(SONDE_PATHS_FULL);
	return path;
}

/* Times new data; what was there before must not be timed (Karn). */
static __always_inline void take_data(struct mapping_direction *direction, const struct packet *packet)
{
	bool syn = packet->tcp_flags & SONDE_TCP_SYN;
	__u32 end = packet->sequence + packet->payload + syn + !!(packet->tcp_flags & SONDE_TCP_FIN);
	__u64 known = raise_end(&direction->traffic, end);

	if (known && before(packet->sequence, known)) {
		__sync_fetch_and_add(&direction->traffic.retransmitted, 1);
		disarm(&direction->probe, packet->sequence, read_once(direction->traffic.end));
	} else if (!known && !syn) {
		/* Never seen from its start: this may be something sent again. */
		write_once(direction->probe.recovery, SONDE_KNOWN | end);
	} else if (!syn && packet->payload && !read_once(direction->probe.word) &&
		   !read_once(direction->probe.recovery)) {
		arm(&direction->probe, end, false, bpf_ktime_get_ns());
	}
}

/* The time that a probe took whose ACK this packet is, in ns; 0: it is not. */
static __always_inline __u64 take_sample(struct mapping_direction *probed, __u32 acknowledgement)
{
	__u64 word = take_probe(&probed->probe, &probed->traffic, acknowledgement);
	__u64 armed, ns;

	if (!word)
		return 0;
	armed = armed_at(&probed->probe, word);
	if (!armed)
		return 0;
	ns = bpf_ktime_get_ns() - (armed & ~(SONDE_ARMED | SONDE_OF_HANDSHAKE));
	return ns <= SONDE_LONGEST_SAMPLE_NS ? ns : 0;
}

/* Takes over the outer header. Two CPUs may meet here; the next packet puts it right. */
static __always_inline void set_outer(struct mapping_direction *direction, const struct mapping_outer *ends)
{
	if (same_address(&direction->outer.local, &ends->local) &&
	    same_address(&direction->outer.remote, &ends->remote) &&
	    direction->outer.source_port == ends->source_port &&
	    direction->outer.destination_port == ends->destination_port)
		return;
	if (direction->traffic.packets)
		direction->changes++;
	direction->outer = *ends;
}

/* Adds a flow's bytes to its path, and what the flow's packet has measured. */
static __always_inline void flush(struct scratch *s, struct mapping_state *state, __u64 now, bool fresh,
				  __u64 sample, bool local)
{
	__u64 all = state->sent.traffic.bytes + state->received.traffic.bytes;
	__u64 flushed = state->flushed_bytes;
	struct path_state *path = path_of(s, state);

	if (!path)
		return;
	state->flushed_ns = now;
	path->last_ns = now;
	if (fresh)
		__sync_fetch_and_add(&path->flows, 1);
	if (all > flushed && __sync_val_compare_and_swap(&state->flushed_bytes, flushed, all) == flushed)
		__sync_fetch_and_add(&path->bytes, all - flushed);
	if (sample)
		add_to_histogram(local ? &path->local_rtt : &path->rtt, sample);
}

static __always_inline void turn(struct scratch *s, const struct packet *inner, bool sent)
{
	const struct packet *outer = &s->outer;
	bool ports = s->key.tunnel != SONDE_TUNNEL_IPIP;

	s->key.local = sent ? inner->source : inner->destination;
	s->key.remote = sent ? inner->destination : inner->source;
	s->key.local_port = sent ? inner->source_port : inner->destination_port;
	s->key.remote_port = sent ? inner->destination_port : inner->source_port;
	s->key.protocol = inner->protocol;
	s->ends.local = sent ? outer->source : outer->destination;
	s->ends.remote = sent ? outer->destination : outer->source;
	s->ends.source_port = ports ? outer->source_port : 0;
	s->ends.destination_port = ports ? outer->destination_port : 0;
}

static __always_inline void see_flow(struct __sk_buff *skb, struct scratch *s, const struct packet *inner,
				     bool sent)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct mapping_direction *direction, *other;
	struct mapping_state *state;
	bool fresh = false;
	__u64 sample = 0;

	turn(s, inner, sent);
	state = state_of(s, now, &fresh);
	if (!state)
		return;
	direction = sent ? &state->sent : &state->received;
	other = sent ? &state->received : &state->sent;
	set_outer(direction, &s->ends);
	direction->traffic.last_ns = now;
	__sync_fetch_and_add(&direction->traffic.bytes, inner->bytes);
	__sync_fetch_and_add(&direction->traffic.packets, 1);
	if (inner->protocol == IPPROTO_TCP && !(inner->tcp_flags & SONDE_TCP_RST)) {
		if (inner->tcp_flags & SONDE_TCP_ACK)
			sample = take_sample(other, inner->acknowledgement);
		if (inner->payload || inner->tcp_flags & (SONDE_TCP_SYN | SONDE_TCP_FIN))
			take_data(direction, inner);
	}
	if (sample)
		add_to_times(sent ? &state->local_rtt : &state->rtt, sample);
	if (s->key.tunnel == SONDE_TUNNEL_NONE && !state->resolved) {
		/* Whose it is shows at its first packet that leaves; only then has it a path. */
		if (!sent)
			return;
		resolve(skb, s, state);
		fresh = true;
	}
	if (fresh || sample || now - state->flushed_ns >= SONDE_FLUSH_NS)
		flush(s, state, now, fresh, sample, sent);
}

static __always_inline int see(struct __sk_buff *skb, bool sent)
{
	__u32 zero = 0, offset = 0, type = 0, vni = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	__u32 result, tunnel;

	if (!s) /* never; the verifier wants to know */
		return TC_ACT_UNSPEC;
	__builtin_memset(&s->outer, 0, sizeof s->outer);
	result = parse_packet(skb, &s->outer);
	count(SONDE_MAPPING_PARSED + result);
	if (result != SONDE_PARSED)
		return TC_ACT_UNSPEC;
	tunnel = find_tunnel(skb, &s->outer, &offset, &type, &vni);
	count(SONDE_MAPPING_TUNNEL + tunnel);
	__builtin_memset(&s->key, 0, sizeof s->key);
	s->key.interface = skb->ifindex;
	s->key.space = settings.space;
	s->key.vni = vni;
	s->key.tunnel = tunnel;
	if (tunnel == SONDE_TUNNEL_NONE) {
		if (s->outer.protocol == IPPROTO_TCP || s->outer.protocol == IPPROTO_UDP)
			see_flow(skb, s, &s->outer, sent);
		return TC_ACT_UNSPEC;
	}
	__builtin_memset(&s->inner, 0, sizeof s->inner);
	result = parse_inner(skb, &s->inner, offset, type);
	if (result == SONDE_PARSED)
		see_flow(skb, s, &s->inner, sent);
	else
		count(result == SONDE_PARSE_NOT_IP ? SONDE_MAPPING_INNER_OTHER
						   : SONDE_MAPPING_INNER_MALFORMED);
	return TC_ACT_UNSPEC;
}

/* Hook: tc ingress of an interface of the underlay. Oldest kernel: 5.12 (compare-and-swap). */
SEC("tc")
int from_underlay(struct __sk_buff *skb)
{
	return see(skb, false);
}

/* Hook: tc egress of an interface of the underlay. Oldest kernel: 5.12. */
SEC("tc")
int to_underlay(struct __sk_buff *skb)
{
	return see(skb, true);
}
