/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/*
 * Where the counts of a key lie. `slots` of every object gives each key a slot, an index into the per-CPU
 * array `counts`; `recent` remembers, on each CPU, the slots of the cgroups seen last.
 */
#define SONDE_RECENT_BITS 7
#define SONDE_RECENT_SLOTS (1 << SONDE_RECENT_BITS)

/*
 * Value of the map `recent`. Each: (serial number of the cgroup's state + 1) << SONDE_SLOT_BITS | slot; 0:
 * empty.
 */
struct recent_slots {
	__u64 entries[SONDE_RECENT_SLOTS];
};

#define SONDE_SLOT_BITS 24 /* leaves 40 for the serial number: a million cgroups a second for 12 days */
