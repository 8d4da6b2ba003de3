/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "bpf/packet_trace.h"

const volatile struct trace_settings trace_settings = {};

/*
 * struct trace_event. Bound: 4 MiB, 75,000 records, more than three seconds of the default budget. Full: the
 * event is counted in `tallies`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} events SEC(".maps");

/* Key: enum trace_tally. Bound: the enum; cannot be full. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SONDE_TRACE_TALLY_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} tallies SEC(".maps");

static __always_inline void tally(__u32 which)
{
	__u64 *count = bpf_map_lookup_elem(&tallies, &which);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* The second that is being counted, and how many events it had: in one word, so that no CPU sees a half. */
#define SONDE_BUDGET_BITS 24
__u64 budget = 0;

static __always_inline bool within_budget(__u64 now)
{
	__u64 second = now / 1000000000;
	__u64 seen = *(volatile __u64 *)&budget;

	if (second > seen >> SONDE_BUDGET_BITS &&
	    __sync_val_compare_and_swap(&budget, seen, second << SONDE_BUDGET_BITS | 1) == seen)
		return true;
	/* Tested before it is added to, so that it cannot overflow into the second. */
	seen = *(volatile __u64 *)&budget;
	if ((seen & ((1 << SONDE_BUDGET_BITS) - 1)) >= trace_settings.events_per_second)
		return false;
	seen = __sync_fetch_and_add(&budget, 1);
	return (seen & ((1 << SONDE_BUDGET_BITS) - 1)) < trace_settings.events_per_second;
}

/* Completes an event and sends it. A thread that is set stays. */
static __noinline int send_event(struct trace_event *event)
{
	__u64 now = bpf_ktime_get_ns();

	if (!event)
		return 0;
	if (!within_budget(now)) {
		tally(SONDE_TRACE_OVER_BUDGET);
		return 0;
	}
	event->time_ns = now;
	event->cpu = bpf_get_smp_processor_id();
	if (!event->thread)
		event->thread = (__u32)bpf_get_current_pid_tgid();
	if (bpf_ringbuf_output(&events, event, sizeof(*event), 0))
		tally(SONDE_TRACE_RING_FULL);
	else
		tally(SONDE_TRACE_SENT);
	return 0;
}
