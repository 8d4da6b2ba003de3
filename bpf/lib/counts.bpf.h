/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

#include <linux/errno.h>

#include "bpf/cgroup_key.h"
#include "bpf/lib/errors.bpf.h"
#include "bpf/lib/settings.bpf.h"
#include "bpf/slots.h"

/*
 * The slot of each key, made at its first event. Bound: settings.max_slots (--bpf.max-cgroups), set before
 * load; user space deletes the keys of cgroups that are gone. Full: the event is counted in `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cgroup_key);
	__type(value, __u32);
} slots SEC(".maps");

/* Slots whose key was deleted, their counts 0 again. Bound and size: as `slots`. User space pushes. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4096);
	__type(value, __u32);
} free_slots SEC(".maps");

/*
 * A cache in front of `slots`: most events are those of the few cgroups that ran last on this CPU. Key: 0.
 * An entry is one 64-bit word, so a program in an interrupt never leaves half of one. User space clears it
 * where it deletes a key.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct recent_slots);
} recent SEC(".maps");

/* Slots given out so far, not counting those that came back. */
__u32 slots_used = 0;

#define SONDE_NO_SLOT 0xffffffffU

static __always_inline __u32 take_free_slot(void)
{
	__u32 slot;

	if (bpf_map_pop_elem(&free_slots, &slot) == 0)
		return slot;
	/* Two CPUs may both pass the test and one of them get a slot too high: it has none then. */
	if (slots_used >= settings.max_slots)
		return SONDE_NO_SLOT;
	slot = __sync_fetch_and_add(&slots_used, 1);
	return slot < settings.max_slots ? slot : SONDE_NO_SLOT;
}

/* The slot of a key, made if need be; SONDE_NO_SLOT where there is no room, which is counted. */
static __noinline __u32 slot_of_key(const struct cgroup_key *key)
{
	__u32 *known = bpf_map_lookup_elem(&slots, key);
	__u32 slot;
	long failed;

	if (known)
		return *known;
	slot = take_free_slot();
	if (slot == SONDE_NO_SLOT) {
		count_error(SONDE_ERROR_MAP_FULL);
		return SONDE_NO_SLOT;
	}
	failed = bpf_map_update_elem(&slots, key, &slot, BPF_NOEXIST);
	if (!failed)
		return slot;
	bpf_map_push_elem(&free_slots, &slot, 0);
	if (failed == -EEXIST) {
		/* Another CPU was faster. */
		known = bpf_map_lookup_elem(&slots, key);
		if (known)
			return *known;
	}
	count_error(SONDE_ERROR_MAP_BUSY);
	return SONDE_NO_SLOT;
}

/* The slot of a cgroup, by one of its states (controllers); no two states ever have the same serial number.
 */
static __always_inline __u32 slot_of_cgroup(const struct cgroup_subsys_state *state, __u32 hierarchy)
{
	/* The root's serial number is 0, as an empty entry is. */
	__u64 serial = state->serial_nr + 1;
	__u32 zero = 0;
	struct recent_slots *cache = bpf_map_lookup_elem(&recent, &zero);
	volatile __u64 *entry;
	struct cgroup_key key = {};
	__u64 found;
	__u32 slot;

	if (!cache) /* never; the verifier wants to know */
		return SONDE_NO_SLOT;
	/* Fibonacci hashing: one service's cgroups have serial numbers at equal distances. */
	entry = &cache->entries[serial * 0x9e3779b97f4a7c15ULL >> (64 - SONDE_RECENT_BITS)];
	found = *entry;
	if (found >> SONDE_SLOT_BITS == serial)
		return found & ((1 << SONDE_SLOT_BITS) - 1);
	key.id = state->cgroup->kn->id;
	key.hierarchy = hierarchy;
	slot = slot_of_key(&key);
	if (slot != SONDE_NO_SLOT)
		*entry = serial << SONDE_SLOT_BITS | slot;
	return slot;
}

/*
 * The map `counts`: the counts of each slot on each CPU. Tracepoints run with preemption off, so `value->x++`
 * is safe where no interrupt on the same CPU writes the same value; programs that run in interrupts add
 * atomically. With it the functions that find a value; NULL where there is no room, which is counted.
 */
#define SONDE_COUNTS(counts_type)                                                                            \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                                     \
		__uint(max_entries, 4096);                                                                   \
		__type(key, __u32);                                                                          \
		__type(value, counts_type);                                                                  \
	} counts SEC(".maps");                                                                               \
                                                                                                             \
	static __always_inline counts_type *counts_of_slot(__u32 slot)                                       \
	{                                                                                                    \
		return slot == SONDE_NO_SLOT ? NULL : bpf_map_lookup_elem(&counts, &slot);                   \
	}
