/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/lib/conntrack.bpf.h"
#include "bpf/lib/trace_events.bpf.h"
#include "bpf/lib/trace_packet.bpf.h"

/*
 * The flows that are traced, both directions of each: the number in trace_event.flow, and
 * SONDE_TRACE_TRANSLATED for what NAT made of them. Set by user space, and added to by rules. Bound:
 * settings.most_flows of four entries. Full: the flow is counted in `tallies`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct trace_direction);
	__type(value, __u32);
} flows SEC(".maps");

/* Key: inode of a network namespace. Set by user space before it attaches. Bound: what it may ask for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct trace_rule);
} rules SEC(".maps");

static __always_inline __u32 flow_of(const struct trace_direction *direction)
{
	__u32 *found = bpf_map_lookup_elem(&flows, direction);

	return found ? *found & ~SONDE_TRACE_TRANSLATED : SONDE_TRACE_NO_FLOW;
}

static __always_inline bool is_any(const struct flow_address *address)
{
	const __u64 *words = (const __u64 *)address->bytes;

	return !words[0] && !words[1];
}

static __always_inline bool same_address(const struct flow_address *a, const struct flow_address *b)
{
	const __u64 *first = (const __u64 *)a->bytes;
	const __u64 *second = (const __u64 *)b->bytes;

	return first[0] == second[0] && first[1] == second[1];
}

static __noinline __u32 add_flow(struct trace_direction *sent)
{
	__u32 which = SONDE_TRACE_NEXT_FLOW;
	__u64 *next = bpf_map_lookup_elem(&tallies, &which);
	__u32 number, other;

	if (!sent || !next)
		return SONDE_TRACE_NO_FLOW;
	if (*next >= trace_settings.most_flows) {
		tally(SONDE_TRACE_NO_ROOM);
		return SONDE_TRACE_NO_FLOW;
	}
	number = (__u32)__sync_fetch_and_add(next, 1) * 2;
	/* Its other end, or another CPU, may have been faster: then that number counts and this one is
	 * none's. */
	if (bpf_map_update_elem(&flows, sent, &number, BPF_NOEXIST))
		return flow_of(sent);
	other = number + 1;
	turn_around(sent);
	bpf_map_update_elem(&flows, sent, &other, BPF_ANY);
	turn_around(sent);
	return number;
}

/* The flow and direction of what a socket sends; a rule may make it one that is traced. */
static __always_inline __u32 flow_of_socket(struct trace_direction *sent, __u32 space)
{
	__u32 flow = flow_of(sent);
	struct trace_rule *rule;

	if (flow != SONDE_TRACE_NO_FLOW)
		return flow;
	rule = bpf_map_lookup_elem(&rules, &space);
	if (!rule || (rule->remote_port && rule->remote_port != sent->destination_port) ||
	    (rule->local_port && rule->local_port != sent->source_port) ||
	    (!is_any(&rule->remote) && !same_address(&rule->remote, &sent->destination)))
		return SONDE_TRACE_NO_FLOW;
	return add_flow(sent);
}

static __always_inline void add_translated(struct trace_direction *direction, __u32 flow)
{
	__u32 number = flow | SONDE_TRACE_TRANSLATED, other = number ^ 1;

	long failed = bpf_map_update_elem(&flows, direction, &number, BPF_NOEXIST);
	long other_failed;

	turn_around(direction);
	other_failed = bpf_map_update_elem(&flows, direction, &other, BPF_NOEXIST);
	if ((failed && failed != -EEXIST) || (other_failed && other_failed != -EEXIST))
		tally(SONDE_TRACE_NO_ROOM);
}

/*
 * The flow of a packet that is about to leave: by its addresses, or by those that it had before NAT. Then the
 * flow has both from here on: at the one end's devices and socket, and at the other's.
 */
static __noinline __u32 flow_of_sent(struct sk_buff *skb, struct trace_direction *seen)
{
	struct trace_direction original;
	struct tracked_flow tracked;
	__u32 flow, before;

	if (!seen)
		return SONDE_TRACE_NO_FLOW;
	flow = flow_of(seen);
	/* The helper takes a pointer to the buffer itself, by the name that tc programs know it by. */
	if (!flow_before_nat((struct __sk_buff *)skb, &tracked))
		return flow;
	original.source = tracked.source;
	original.destination = tracked.destination;
	original.source_port = tracked.source_port;
	original.destination_port = tracked.destination_port;
	before = flow_of(&original);
	if (flow == SONDE_TRACE_NO_FLOW && before != SONDE_TRACE_NO_FLOW) {
		original = *seen;
		add_translated(&original, before);
		return before;
	}
	if (flow != SONDE_TRACE_NO_FLOW && before == SONDE_TRACE_NO_FLOW)
		add_translated(&original, flow);
	return flow;
}
