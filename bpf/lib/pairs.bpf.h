/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/*
 * Counts per pair (an interface and a remote address). A pair has a slot; a flow remembers the slot of its
 * pair and that slot's generation, which the exporter raises when it takes the slot away.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_rtt.h"
#include "bpf/lib/errors.bpf.h"
#include "bpf/lib/pair_shares.bpf.h"

const volatile struct flow_settings settings = {};

/*
 * Key: the pair. Value: its slot. Bound: SONDE_PAIR_SLOTS(settings.max_pairs), set before load, as slots are;
 * idle pairs are deleted by the exporter. Full, or its interface has its share: the interface's overflow pair
 * is counted instead; without room for that, `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SONDE_PAIR_SLOTS(4096));
	__type(key, struct pair_key);
	__type(value, __u32);
} pairs SEC(".maps");

/* Slots of deleted pairs, their counts 0 again; those of overflow pairs apart. The exporter pushes. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, SONDE_PAIR_SLOTS(4096));
	__type(value, __u32);
} free_pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, SONDE_OVERFLOW_SLOTS);
	__type(value, __u32);
} free_overflow SEC(".maps");

/* Key: 0, pairs; 1, overflow pairs. Value: slots given out so far, not counting those that came back. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} slots_used SEC(".maps");

/* Key: slot. Value: how often it was taken away from a pair; only the exporter writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SONDE_PAIR_SLOTS(4096));
	__type(key, __u32);
	__type(value, __u32);
} generations SEC(".maps");

/* Key: slot. tc programs run with softirqs off, so no two of them meet on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SONDE_PAIR_SLOTS(4096));
	__type(key, __u32);
	__type(value, struct pair_traffic);
} pair_traffic SEC(".maps");

/* Key: slot. Samples are few, so all CPUs share it, with atomic additions. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SONDE_PAIR_SLOTS(4096));
	__type(key, __u32);
	__type(value, struct pair_samples);
} pair_samples SEC(".maps");

/* Key: 0. What the programs themselves did. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_counts);
} flow_counts SEC(".maps");

#define SONDE_NO_SLOT 0xffffffffU

/* A pair's slot as a flow remembers it. */
struct pair_slot {
	__u32 slot;
	__u32 generation;
};

static __always_inline void count_flow(__u32 what)
{
	__u32 zero = 0;
	struct flow_counts *counts = bpf_map_lookup_elem(&flow_counts, &zero);

	if (counts && what < SONDE_FLOW_COUNTS)
		counts->counts[what]++;
}

static __always_inline __u32 take_slot(bool overflow)
{
	__u32 which = overflow, slot, first = 0, bound = settings.max_pairs;
	__u32 *used = bpf_map_lookup_elem(&slots_used, &which);

	if (!used)
		return SONDE_NO_SLOT;
	if (overflow) {
		if (bpf_map_pop_elem(&free_overflow, &slot) == 0)
			return slot;
		first = settings.max_pairs;
		bound = SONDE_OVERFLOW_SLOTS;
	} else if (bpf_map_pop_elem(&free_pairs, &slot) == 0) {
		return slot;
	}
	/* Several CPUs may pass this test and some of them get a slot too high: those have none. */
	if (*(volatile __u32 *)used >= bound)
		return SONDE_NO_SLOT;
	slot = __sync_fetch_and_add(used, 1);
	return slot < bound ? first + slot : SONDE_NO_SLOT;
}

/* Gives a pair that has none a slot; SONDE_NO_SLOT where none is left for it. */
static __always_inline __u32 make_pair(const struct pair_key *key, bool overflow)
{
	__u32 slot = take_slot(overflow);
	long failed;

	if (slot == SONDE_NO_SLOT)
		return SONDE_NO_SLOT;
	failed = bpf_map_update_elem(&pairs, key, &slot, BPF_NOEXIST);
	if (!failed)
		return slot;
	if (overflow)
		bpf_map_push_elem(&free_overflow, &slot, 0);
	else
		bpf_map_push_elem(&free_pairs, &slot, 0);
	return SONDE_NO_SLOT;
}

static __noinline __u32 slot_of_pair(const struct pair_key *key, bool overflow)
{
	__u32 *known = bpf_map_lookup_elem(&pairs, key);
	__u32 slot, share;

	if (known)
		return *known;
	share = share_of(key->interface, key->space);
	if (!overflow && !take_share(share, settings.max_pairs))
		return SONDE_NO_SLOT;
	slot = make_pair(key, overflow);
	if (slot != SONDE_NO_SLOT)
		return slot;
	if (!overflow)
		return_share(share);
	known = bpf_map_lookup_elem(&pairs, key); /* another CPU may have been faster */
	return known ? *known : SONDE_NO_SLOT;
}

/* The slot that packets between an interface and a remote count for. Never inlined: one a flow needs it. */
static __noinline int find_pair(struct pair_key *key, struct pair_slot *found)
{
	const struct flow_address *remote = &key->remote;
	__u32 *generation, slot;

	/* Who has no address yet sends from "::". It counts as 0.0.0.0: all zeros are the overflow pair's. */
	if (!(remote->words[0] | remote->words[1] | remote->words[2] | remote->words[3]))
		key->remote.words[2] = bpf_htonl(0xffff);
	slot = slot_of_pair(key, false);
	if (slot == SONDE_NO_SLOT) {
		__builtin_memset(&key->remote, 0, sizeof(key->remote));
		slot = slot_of_pair(key, true);
		if (slot == SONDE_NO_SLOT)
			count_error(SONDE_ERROR_MAP_FULL);
	}
	found->slot = slot;
	generation = bpf_map_lookup_elem(&generations, &slot);
	found->generation = generation ? *generation : 0;
	return 0;
}

static __always_inline bool is_overflow(__u32 slot)
{
	return slot >= settings.max_pairs && slot != SONDE_NO_SLOT;
}
