/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/probes.bpf.h"

/* The tick of the last question, and its answer. CPUs that meet here may have one that is a tick old. */
static __u64 asked_tick, asked_ns;

/*
 * The time as of the kernel's tick, CLOCK_MONOTONIC in ns. The tick's number is a word in memory, and asking
 * for its time a call that costs ten times that: so it is asked once a tick.
 */
static __always_inline __u64 coarse_ns(void)
{
	__u64 tick = bpf_jiffies64();

	if (__builtin_expect(read_once(asked_tick) != tick, 0)) {
		write_once(asked_ns, bpf_ktime_get_coarse_ns());
		write_once(asked_tick, tick);
	}
	return read_once(asked_ns);
}
