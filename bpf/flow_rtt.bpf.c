// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// RTT, request latency, bytes and retransmits of every TCP connection of a container, at both ends of its
// interface.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include "bpf/flow_rtt.h"
#include "bpf/lib/coarse_time.bpf.h"
#include "bpf/lib/flow_alerts.bpf.h"
#include "bpf/lib/flow_end.bpf.h"
#include "bpf/lib/flow_role.bpf.h"
#include "bpf/lib/packet.bpf.h"
#include "bpf/lib/pairs.bpf.h"
#include "bpf/lib/probes.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * TCP connections, made at a SYN or at payload, deleted at RST or after both FINs. Bound: set before load
 * (--flows.max-flows). Full: the one not used for longest goes, its flow is measured anew at its next
 * payload; what is counted per pair loses nothing by that.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, struct flow_state);
} flows SEC(".maps");

/* Key: 0. What a new flow starts as; too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_state);
} new_flow SEC(".maps");

/* The two directions of a packet's flow. */
struct sides {
	struct flow_direction *own; /* the packet's */
	struct flow_direction *other;
	struct flow_probe *own_probe;
	struct flow_probe *other_probe;
};

static __always_inline struct sides sides_of(struct flow_state *state, bool from_container)
{
	struct sides sides = {&state->sent, &state->received, &state->sent_probe, &state->received_probe};
	struct sides swapped = {sides.other, sides.own, sides.other_probe, sides.own_probe};

	return from_container ? sides : swapped;
}

/* Products that wait for nothing, so they take the time of one. */
static __always_inline __u64 identity_of(const struct flow_key *key)
{
	const __u32 *words = (const __u32 *)key;
	__u64 hash = words[10] * 0xd6e8feb86659fd93ULL;

	hash ^= ((__u64)words[0] << 32 | words[1]) * 0x9e3779b97f4a7c15ULL;
	hash ^= ((__u64)words[2] << 32 | words[3]) * 0xbf58476d1ce4e5b9ULL;
	hash ^= ((__u64)words[4] << 32 | words[5]) * 0x94d049bb133111ebULL;
	hash ^= ((__u64)words[6] << 32 | words[7]) * 0xff51afd7ed558ccdULL;
	hash ^= ((__u64)words[8] << 32 | words[9]) * 0xc4ceb9fe1a85ec53ULL;
	return hash;
}

static __always_inline void pair_of(const struct flow_key *flow, struct pair_slot *found)
{
	struct pair_key key = {.remote = flow->remote, .interface = flow->interface, .space = flow->space};

	find_pair(&key, found);
}

static __noinline int make_flow(const struct flow_key *key, __u32 role)
{
	__u32 zero = 0;
	struct flow_state *state = bpf_map_lookup_elem(&new_flow, &zero);
	struct pair_slot pair;
	long failed;

	if (!state || !key)
		return 0;
	pair_of(key, &pair);
	state->pair = (__u64)pair.generation << 32 | pair.slot;
	state->identity = identity_of(key);
	state->first_ns = bpf_ktime_get_coarse_ns();
	state->role = role;
	failed = bpf_map_update_elem(&flows, key, state, BPF_NOEXIST);
	if (!failed)
		count_flow(SONDE_FLOWS_MADE);
	else if (failed != -EEXIST)
		count_flow(SONDE_FLOWS_NOT_MADE);
	return 0;
}

static __noinline int delete_flow(const struct flow_key *key)
{
	if (key && bpf_map_delete_elem(&flows, key) == 0)
		count_flow(SONDE_FLOWS_DELETED);
	return 0;
}

/* The flow of a TCP packet, made if need be; NULL where there is none to be had. */
static __always_inline struct flow_state *flow_of(const struct flow_key *key, const struct packet *packet,
						  bool from_container)
{
	struct flow_state *state = bpf_map_lookup_elem(&flows, key);
	struct flow_direction *own;

	if (seldom(packet->tcp_flags & SONDE_TCP_SYN) && state) {
		own = from_container ? &state->sent : &state->received;
		if (own->end && own->first_sequence != packet->sequence) {
			delete_flow(key); /* another connection with the same ports */
			state = NULL;
		}
	}
	if (state || (!packet->payload && !(packet->tcp_flags & SONDE_TCP_SYN)) ||
	    packet->tcp_flags & SONDE_TCP_RST)
		return state;
	make_flow(key, role_of(key, packet->tcp_flags, from_container));
	return bpf_map_lookup_elem(&flows, key);
}

/* A sample of the time between the arming of a probe and now; returns false if it is none. */
static __always_inline bool sample_of(const struct flow_state *state, const struct flow_key *key, __u64 since,
				      __u64 now, __u64 *sample)
{
	/* The entry's memory may have gone to another flow since it was looked up. */
	if (!since || state->identity != identity_of(key) || (__s64)(now - since) < 0) {
		count_flow(SONDE_SAMPLES_DROPPED);
		return false;
	}
	*sample = now - since;
	return true;
}

/*
 * Whether the next segment may be waited for. Arming and its sample write to lines that the CPUs of both
 * directions read with every packet, so a flow whose ACKs take microseconds is not timed with each of them.
 * `now` is as fine as the kernel's tick, and never late.
 */
static __always_inline bool is_due(const struct flow_probe *probe, __u64 now)
{
	__u64 armed = read_once(probe->armed_ns);

	if (read_once(probe->word) || read_once(probe->recovery))
		return false;
	/* A handshake does not keep the first request of a short connection from being timed. */
	if (!armed || armed & SONDE_OF_HANDSHAKE || !settings.probe_interval_ns)
		return true;
	return (__s64)(now - armed) >= (__s64)settings.probe_interval_ns;
}

/* What an ACK tells of the other side's data. */
static __always_inline void take_ack(struct flow_state *state, const struct flow_key *key, struct sides sides,
				     __u32 ack, __u32 slot, bool from_container)
{
	__u64 word = take_probe(sides.other_probe, sides.other, ack);
	struct pair_samples *samples;
	__u64 now, armed, sample;

	if (!word)
		return;
	now = bpf_ktime_get_ns();
	armed = armed_at(sides.other_probe, word);
	if (!sample_of(state, key, armed & ~(SONDE_ARMED | SONDE_OF_HANDSHAKE), now, &sample))
		return;
	samples = bpf_map_lookup_elem(&pair_samples, &slot);
	if (!samples)
		return;
	if (from_container) {
		add_to_times(&state->local_rtt, sample);
		add_to_histogram(&samples->local_rtt, sample);
	} else if (armed & SONDE_OF_HANDSHAKE) {
		state->handshake_ns = sample;
		add_to_histogram(&samples->handshake, sample);
	} else {
		add_to_times(&state->rtt, sample);
		add_to_histogram(&samples->rtt, sample);
		if (now - state->judged_ns >= SONDE_JUDGE_INTERVAL_NS)
			judge(key, state, samples, sample, now);
	}
}

/* New payload: the end of a request so far, or the first of a response. */
static __always_inline void follow_requests(struct flow_state *state, const struct flow_key *key,
					    struct sides sides, __u8 flags, __u32 slot, bool from_container)
{
	__u32 asking = from_container ? SONDE_ROLE_CLIENT : SONDE_ROLE_SERVER;
	struct pair_samples *samples;
	__u64 since, now, sample;

	if (state->role == asking) {
		/* A burst's last segment has PSH; its first one is noted too, for senders that set none. */
		if (flags & SONDE_TCP_PSH || !sides.own->request_ns)
			write_once(sides.own->request_ns, bpf_ktime_get_ns());
		return;
	}
	since = read_once(sides.other->request_ns);
	if (!since || state->role == SONDE_ROLE_UNKNOWN ||
	    __sync_val_compare_and_swap(&sides.other->request_ns, since, 0) != since)
		return;
	now = bpf_ktime_get_ns();
	if (!sample_of(state, key, since, now, &sample))
		return;
	add_to_times(&state->request, sample);
	samples = bpf_map_lookup_elem(&pair_samples, &slot);
	if (!samples)
		return;
	add_to_histogram(from_container ? &samples->request_server : &samples->request_client, sample);
}

/* Takes in a segment that occupies sequence numbers. Returns whether it was sent before. */
static __always_inline bool take_segment(struct flow_state *state, const struct flow_key *key,
					 struct sides sides, const struct packet *packet, __u32 slot,
					 bool from_container)
{
	bool syn = packet->tcp_flags & SONDE_TCP_SYN;
	__u32 end = packet->sequence + packet->payload + syn + !!(packet->tcp_flags & SONDE_TCP_FIN);
	__u64 before_it = raise_end(sides.own, end);

	if (syn)
		sides.own->first_sequence = packet->sequence;
	if (seldom(before_it && before(packet->sequence, before_it))) {
		disarm(sides.own_probe, packet->sequence, read_once(sides.own->end));
		return true;
	}
	if (seldom(!before_it && !syn))
		/* Never seen from its start: this may be something sent again. */
		recover(sides.own_probe, SONDE_KNOWN | end);
	else if ((from_container || !syn) && is_due(sides.own_probe, sides.own->last_ns))
		/* What SYN carries may stay without ACK. */
		arm(sides.own_probe, syn ? packet->sequence + 1 : end, syn, bpf_ktime_get_ns());
	if (packet->payload)
		follow_requests(state, key, sides, packet->tcp_flags, slot, from_container);
	return false;
}

/* Returns segments that were sent before. */
static __always_inline __u32 take_packet(struct __sk_buff *skb, struct flow_state *state,
					 const struct flow_key *key, const struct packet *packet, __u32 slot,
					 bool from_container)
{
	struct sides sides = sides_of(state, from_container);
	__u32 segments = 0;

	sides.own->bytes += packet->bytes;
	sides.own->packets++;
	sides.own->last_ns = coarse_ns();
	if (seldom(packet->tcp_flags & SONDE_TCP_RST ||
		   is_out_of_window(read_once(sides.own->end), packet->sequence)))
		return 0;
	if (packet->tcp_flags & SONDE_TCP_ACK)
		take_ack(state, key, sides, packet->acknowledgement, slot, from_container);
	if ((packet->payload || packet->tcp_flags & (SONDE_TCP_SYN | SONDE_TCP_FIN)) &&
	    take_segment(state, key, sides, packet, slot, from_container)) {
		segments = skb->gso_segs ? skb->gso_segs : 1;
		sides.own->retransmitted += segments;
	}
	if (seldom(packet->tcp_flags & SONDE_TCP_FIN || read_once(state->finished)) &&
	    ends(state, packet, read_once(sides.other->end), from_container))
		delete_flow(key);
	return segments;
}

static __always_inline void count_packet(__u32 slot, __u32 bytes, __u32 retransmitted, bool from_container)
{
	struct pair_traffic *traffic = bpf_map_lookup_elem(&pair_traffic, &slot);
	struct pair_direction *direction;

	if (!traffic)
		return; /* no slot: find_pair() has counted that */
	direction = from_container ? &traffic->sent : &traffic->received;
	direction->bytes += bytes;
	direction->packets++;
	if (retransmitted)
		direction->retransmitted += retransmitted;
	if (is_overflow(slot))
		count_flow(SONDE_PAIRS_OVERFLOWED);
}

/* A flow whose pair found no room asks again with every 64th packet: others may have left. */
static __always_inline bool looks_again(const struct flow_state *state, __u32 slot)
{
	return is_overflow(slot) && state->sent.packets % 64 == 0;
}

/* The slot that a flow remembers, if it still is its pair's; else its pair's present one. */
static __always_inline __u32 slot_of_flow(struct flow_state *state, const struct flow_key *key)
{
	__u64 known = read_once(state->pair);
	__u32 slot = known, *generation = bpf_map_lookup_elem(&generations, &slot);
	struct pair_slot pair;

	if (generation && !seldom(*generation != known >> 32 || looks_again(state, slot)))
		return slot;
	pair_of(key, &pair);
	write_once(state->pair, (__u64)pair.generation << 32 | pair.slot);
	return pair.slot;
}

static __always_inline int see(struct __sk_buff *skb, bool from_container)
{
	struct flow_key answered; /* the other way round, where the source is the remote end */
	struct packet packet;
	struct flow_key *key = from_container ? &packet.key : &answered;
	struct flow_state *state = NULL;
	struct pair_slot pair;
	__u32 result = parse_packet(skb, &packet), retransmitted = 0;

	if (seldom(result != SONDE_PARSED))
		count_flow(SONDE_FLOW_NOT_PARSED + result);
	if (seldom(result != SONDE_PARSED) && result != SONDE_PARSE_FRAGMENT)
		return TC_ACT_UNSPEC;
	if (!from_container) {
		answered.local = packet.destination;
		answered.remote = packet.source;
		answered.local_port = packet.destination_port;
		answered.remote_port = packet.source_port;
	}
	key->interface = skb->ifindex;
	key->space = settings.space;
	if (result == SONDE_PARSED && packet.protocol == IPPROTO_TCP)
		state = flow_of(key, &packet, from_container);
	if (state) {
		pair.slot = slot_of_flow(state, key);
		retransmitted = take_packet(skb, state, key, &packet, pair.slot, from_container);
		if (seldom(packet.tcp_flags & SONDE_TCP_RST) &&
		    !is_out_of_window(read_once(sides_of(state, from_container).own->end), packet.sequence))
			delete_flow(key);
	} else {
		pair_of(key, &pair);
	}
	count_packet(pair.slot, packet.bytes, retransmitted, from_container);
	return TC_ACT_UNSPEC;
}

/*
 * Hook: what a container sends; ingress of the host's end of its veth pair. Oldest kernel: 5.14. The verdict
 * leaves the packet to whoever comes next: TCX_NEXT (-1) is TC_ACT_UNSPEC for clsact.
 */
SEC("?tc")
int from_container(struct __sk_buff *skb)
{
	return see(skb, true);
}

/* Hook: what a container receives; egress of the host's end. Oldest kernel: 5.14. */
SEC("?tc")
int to_container(struct __sk_buff *skb)
{
	return see(skb, false);
}

struct bpf_map;

static __always_inline void end_interval(struct flow_interval *interval, __u64 bytes)
{
	/* A sum that two CPUs raised at once, or memory that went to another flow meanwhile, may be smaller.
	 */
	interval->bytes = bytes > interval->until ? bytes - interval->until : 0;
	interval->until = bytes;
}

static long mark(struct bpf_map *map, const struct flow_key *key, struct flow_state *state, const bool *ends)
{
	if (*ends) {
		end_interval(&state->sent_interval, read_once(state->sent.bytes));
		end_interval(&state->received_interval, read_once(state->received.bytes));
	}
	return 0;
}

/*
 * Hook: none; the exporter runs it (BPF_PROG_TEST_RUN) and gets the number of flows. Oldest kernel: 5.14. An
 * interval of all flows ends, unless *context is 0: what a flow carries in one costs no packet anything.
 */
SEC("?syscall")
int mark_flows(const __u32 *context)
{
	bool ends = *context;

	return bpf_for_each_map_elem(&flows, mark, &ends, 0);
}
