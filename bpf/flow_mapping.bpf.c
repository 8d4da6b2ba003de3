// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which flow lies in which of the underlay's, and how long the underlay takes for it.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_mapping.h"
#include "bpf/lib/coarse_time.bpf.h"
#include "bpf/lib/conntrack.bpf.h"
#include "bpf/lib/encapsulation.bpf.h"
#include "bpf/lib/errors.bpf.h"
#include "bpf/lib/inner_packet.bpf.h"
#include "bpf/lib/mapping_times.bpf.h"
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
 * Key: two pods and the outer addresses of the tunnel between them. Value: times of all their flows. Bound:
 * --mapping.max-paths, set before load; user space deletes those that rest. Full: counted (SONDE_PATHS_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct path_key);
	__type(value, struct path_state);
} tunnel_paths SEC(".maps");

/*
 * The same without tunnel, of which the whole world may be the other end. Bound: the same. Full: the least
 * recently used go; SONDE_PLAIN_PATHS_MADE tells how many.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct path_key);
	__type(value, struct path_state);
} plain_paths SEC(".maps");

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
/* A flow that is looked at for NAT is taken to be the same flow for so long. */
#define SONDE_RESOLVED_NS 1000000000ULL

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

static __always_inline bool same_outer(const struct mapping_outer *one, const struct mapping_outer *other)
{
	return same_address(&one->local, &other->local) && same_address(&one->remote, &other->remote) &&
	       one->source_port == other->source_port && one->destination_port == other->destination_port;
}

/*
 * Whether an entry may begin, or become another's, with this packet. What a tunnel brings proves nothing:
 * anybody can send to it. And a tunnel that a pod has made for itself has the node's address where masquerade
 * gave it one.
 */
static __always_inline bool may_begin(struct __sk_buff *skb, struct scratch *s, bool sent)
{
	if (s->key.tunnel == SONDE_TUNNEL_NONE)
		return true;
	if (!sent) {
		count(SONDE_MAPPING_UNASKED);
		return false;
	}
	if (flow_before_nat(skb, &s->tracked) && !same_address(&s->tracked.source, &s->ends.local)) {
		count(SONDE_MAPPING_FOREIGN);
		return false;
	}
	return true;
}

static __always_inline struct mapping_state *make_state(struct scratch *s, __u64 now)
{
	struct mapping_state *state;
	long failed;

	__builtin_memset(&s->made, 0, sizeof s->made);
	s->made.first_ns = now;
	failed = bpf_map_update_elem(&mappings, &s->key, &s->made, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&mappings, &s->key);
	if (!failed)
		count(SONDE_MAPPINGS_MADE);
	if (!state)
		count(SONDE_MAPPINGS_NOT_MADE);
	return state;
}

/*
 * The entry of this flow, made if need be and allowed; NULL where there is none, which is counted. `another`:
 * the packet is of another connection than what there was. One that this node has sent begins it; whether it
 * is the node's is asked anew then, and where the outer header is another one.
 */
static __always_inline struct mapping_state *state_of(struct __sk_buff *skb, struct scratch *s,
						      const struct packet *inner, bool sent, __u64 now,
						      bool *another)
{
	struct mapping_state *state = bpf_map_lookup_elem(&mappings, &s->key);

	if (!state)
		return may_begin(skb, s, sent) ? make_state(s, now) : NULL;
	*another =
	    inner->protocol == IPPROTO_TCP && is_of_another(sent ? &state->sent : &state->received, inner);
	if (sent && (*another || !same_outer(&state->sent.outer, &s->ends)) && !may_begin(skb, s, sent))
		return NULL;
	return state;
}

/* The path of the scratch's key in one of the two maps; NULL where it has no room. */
static __always_inline struct path_state *path_in(void *map, struct scratch *s, __u64 now)
{
	struct path_state *path = bpf_map_lookup_elem(map, &s->path);

	if (path)
		return path;
	__builtin_memset(&s->path_made, 0, sizeof s->path_made);
	s->path_made.made_ns = now;
	if (!bpf_map_update_elem(map, &s->path, &s->path_made, BPF_NOEXIST) && map == &plain_paths)
		count(SONDE_PLAIN_PATHS_MADE);
	return bpf_map_lookup_elem(map, &s->path);
}

/*
 * The path of a flow's packets, made if need be; NULL where it has no room, which is counted. Its outer
 * addresses are those by which this node sends, whatever comes back.
 */
static __noinline struct path_state *path_of(struct scratch *s, const struct mapping_state *state, __u64 now)
{
	struct path_key *key;
	struct path_state *path;

	if (!s || !state) /* never; the verifier of a function on its own wants to know */
		return NULL;
	key = &s->path;
	__builtin_memset(key, 0, sizeof *key);
	key->local = state->translated ? state->inside_local : s->key.local;
	key->remote = state->translated ? state->inside_remote : s->key.remote;
	key->outer_local = state->sent.outer.local;
	key->outer_remote = state->sent.outer.remote;
	key->interface = s->key.interface;
	key->space = s->key.space;
	key->vni = s->key.vni;
	key->tunnel = state->translated ? SONDE_TUNNEL_NAT : s->key.tunnel;
	if (s->key.tunnel == SONDE_TUNNEL_NONE)
		path = path_in(&plain_paths, s, now);
	else
		path = path_in(&tunnel_paths, s, now);
	if (!path)
		count(SONDE_PATHS_FULL);
	return path;
}

/* Takes over the outer header. Two CPUs may meet here; the next packet puts it right. */
static __always_inline void set_outer(struct mapping_direction *direction, const struct mapping_outer *ends)
{
	if (same_outer(&direction->outer, ends))
		return;
	if (direction->traffic.packets)
		direction->changes++;
	direction->outer = *ends;
}

/* Adds a flow's bytes to its path, and what the flow's packet has measured. `begins`: it is a new flow. */
static __always_inline void flush(struct scratch *s, struct mapping_state *state, __u64 now, bool begins,
				  __u64 sample, bool local)
{
	__u64 all = state->sent.traffic.bytes + state->received.traffic.bytes;
	__u64 flushed = state->flushed_bytes;
	struct path_state *path = path_of(s, state, now);

	if (!path)
		return;
	state->flushed_ns = now;
	path->last_ns = now;
	if (begins)
		__sync_fetch_and_add(&path->flows, 1);
	if (all > flushed && __sync_val_compare_and_swap(&state->flushed_bytes, flushed, all) == flushed)
		__sync_fetch_and_add(&path->bytes, all - flushed);
	if (sample)
		add_to_histogram(local ? &path->local_rtt : &path->rtt, sample);
}

/* The entry is another flow's from now on; what it has had is its path's. */
static __always_inline void begin_again(struct scratch *s, struct mapping_state *state, __u64 now)
{
	if (state->sent.traffic.packets)
		flush(s, state, now, false, 0, false);
	__builtin_memset(state, 0, sizeof *state);
	state->first_ns = now;
}

static __always_inline bool is_inside(const struct mapping_state *state, const struct tracked_flow *tracked)
{
	return same_address(&tracked->source, &state->inside_local) &&
	       same_address(&tracked->destination, &state->inside_remote) &&
	       tracked->source_port == state->inside_local_port &&
	       tracked->destination_port == state->inside_remote_port;
}

/*
 * Looks at a flow without tunnel for NAT, at a packet that leaves: only then has conntrack seen it. Behind
 * the same addresses and ports there may be another pod than before.
 */
static __always_inline void resolve(struct __sk_buff *skb, struct scratch *s, struct mapping_state *state,
				    __u64 now)
{
	struct tracked_flow *tracked = &s->tracked;
	bool known = flow_before_nat(skb, tracked);
	bool translated = known && (!same_address(&tracked->source, &s->key.local) ||
				    !same_address(&tracked->destination, &s->key.remote) ||
				    tracked->source_port != s->key.local_port ||
				    tracked->destination_port != s->key.remote_port);

	if (state->resolved_ns && known &&
	    (translated != state->translated || (translated && !is_inside(state, tracked))))
		begin_again(s, state, now);
	if (translated) {
		state->inside_local = tracked->source;
		state->inside_remote = tracked->destination;
		state->inside_local_port = tracked->source_port;
		state->inside_remote_port = tracked->destination_port;
		state->translated = 1;
	}
	state->resolved_ns = now;
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
	__u64 now = coarse_ns();
	struct mapping_direction *direction;
	struct mapping_state *state;
	bool another = false, begins, ends;
	__u64 sample = 0;

	turn(s, inner, sent);
	state = state_of(skb, s, inner, sent, now, &another);
	if (!state)
		return;
	direction = sent ? &state->sent : &state->received;
	if (sent && another)
		begin_again(s, state, now);
	if (sent && s->key.tunnel == SONDE_TUNNEL_NONE && now - state->resolved_ns >= SONDE_RESOLVED_NS)
		resolve(skb, s, state, now);
	begins = sent && !state->sent.traffic.packets;
	/* Nothing may come later that would add what the flow has had since the last time. */
	ends = inner->protocol == IPPROTO_TCP && inner->tcp_flags & (SONDE_TCP_FIN | SONDE_TCP_RST);
	set_outer(direction, &s->ends);
	direction->traffic.last_ns = now;
	__sync_fetch_and_add(&direction->traffic.bytes, inner->bytes);
	__sync_fetch_and_add(&direction->traffic.packets, 1);
	/* A SYN from afar that is no copy may be anybody's: this node's answer to it begins the connection.
	 */
	if (inner->protocol == IPPROTO_TCP && (sent || !another))
		sample = take_segment(state, inner, skb->gso_segs ? skb->gso_segs : 1, sent);
	/* Whose a flow without tunnel is shows at its first packet that leaves; only then has it a path. */
	if (!state->sent.traffic.packets)
		return;
	if (begins || ends || sample || now - state->flushed_ns >= SONDE_FLUSH_NS)
		flush(s, state, now, begins, sample, sent);
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
	tunnel = find_tunnel(skb, &s->outer, settings.vxlan_port, settings.geneve_port, &offset, &type, &vni);
	if (tunnel != SONDE_TUNNEL_NONE &&
	    !is_of_own_tunnel(skb, &s->outer, sent, settings.user_space_tunnels)) {
		count(SONDE_MAPPING_FOREIGN);
		tunnel = SONDE_TUNNEL_NONE;
	}
	count(SONDE_MAPPING_TUNNEL + tunnel);
	__builtin_memset(&s->key, 0, sizeof s->key);
	s->key.interface = skb->ifindex;
	s->key.space = settings.space;
	s->key.tunnel = tunnel;
	if (tunnel == SONDE_TUNNEL_NONE) {
		if (s->outer.protocol == IPPROTO_TCP || s->outer.protocol == IPPROTO_UDP)
			see_flow(skb, s, &s->outer, sent);
		return TC_ACT_UNSPEC;
	}
	s->key.vni = vni;
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
