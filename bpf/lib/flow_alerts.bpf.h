/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* The trigger: flows slower than their interface's threshold are told to the exporter at once. */
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "bpf/flow_rtt.h"
#include "bpf/lib/pairs.bpf.h"
#include "bpf/lib/probes.bpf.h"

/* Of interfaces that have one; the exporter writes. Bound: interfaces; full: the exporter is told. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_interface_key);
	__type(value, struct flow_threshold);
} thresholds SEC(".maps");

/* struct flow_alert. Bound: some 580 alerts. Full: counted in flow_counts. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} alerts SEC(".maps");

/* Key: 0. Value: the second, counted from the machine's start, << 32 | alerts sent in it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} alert_budget SEC(".maps");

static __always_inline bool within_budget(__u64 now)
{
	__u32 zero = 0;
	__u64 *budget = bpf_map_lookup_elem(&alert_budget, &zero);
	__u64 second = now / 1000000000, old, found, next;

	if (!budget)
		return false;
	old = read_once(*budget);
	for (int tries = 0; tries < 4; ++tries) {
		next = old >> 32 == second ? old + 1 : second << 32 | 1;
		if ((__u32)next > settings.alerts_per_second)
			return false;
		found = __sync_val_compare_and_swap(budget, old, next);
		if (found == old)
			return true;
		old = found;
	}
	return false;
}

#define SONDE_YOUNG_SAMPLES 64

/* The usual RTT follows the smoothed one slowly, so that a change is news for a while and then is usual. */
static __always_inline void update_baseline(struct flow_state *state, __u64 smoothed, __u64 now)
{
	__u64 tick = settings.baseline_ns / 1024, baseline = state->baseline_ns;
	__u64 share = 128; /* of 1024; more, one sample after a rest would be usual */

	if (baseline == 0) {
		state->baseline_ns = smoothed;
		state->baseline_at_ns = now;
		return;
	}
	/* A young flow's first samples are as good as each other. */
	if (state->rtt.count > SONDE_YOUNG_SAMPLES && tick) {
		share = (now - state->baseline_at_ns) / tick;
		if (share == 0)
			return;
		if (share > 128)
			share = 128;
	}
	state->baseline_at_ns = now;
	if (smoothed > baseline)
		state->baseline_ns = baseline + (smoothed - baseline) * share / 1024;
	else
		state->baseline_ns = baseline - (baseline - smoothed) * share / 1024;
}

static __always_inline void send_alert(const struct flow_key *key, struct flow_state *state, __u32 reason,
				       __u64 threshold, __u64 sample, __u64 now)
{
	__u64 last = read_once(state->alerted_ns);
	struct flow_alert *alert;

	if ((last && now - last < settings.alert_interval_ns) ||
	    __sync_val_compare_and_swap(&state->alerted_ns, last, now) != last) {
		count_flow(SONDE_ALERTS_FLOW_LIMIT);
		return;
	}
	if (!within_budget(now)) {
		write_once(state->alerted_ns, last);
		count_flow(SONDE_ALERTS_GLOBAL_LIMIT);
		return;
	}
	alert = bpf_ringbuf_reserve(&alerts, sizeof(*alert), 0);
	if (!alert) {
		write_once(state->alerted_ns, last);
		count_flow(SONDE_ALERTS_RING_FULL);
		return;
	}
	alert->key = *key;
	alert->reason = reason;
	alert->time_ns = now;
	alert->sample_ns = sample;
	alert->smoothed_ns = state->rtt.smoothed_8 / 8;
	alert->baseline_ns = state->baseline_ns;
	alert->minimum_ns = state->rtt.minimum;
	alert->threshold_ns = threshold;
	bpf_ringbuf_submit(alert, 0);
	count_flow(SONDE_ALERTS_SENT);
}

/* Looks whether a flow is slow, after a sample. Once a millisecond: below that, nobody waits for it. */
static __noinline int judge(const struct flow_key *key, struct flow_state *state,
			    struct pair_samples *samples, __u64 sample, __u64 now)
{
	struct flow_interface_key interface = {};
	struct flow_threshold *threshold;
	__u64 smoothed, limit;

	if (!key || !state || !samples)
		return 0;
	interface.space = key->space;
	interface.interface = key->interface;
	smoothed = state->rtt.smoothed_8 / 8;
	threshold = bpf_map_lookup_elem(&thresholds, &interface);
	if (threshold && state->rtt.count >= threshold->min_samples) {
		limit = state->baseline_ns * threshold->relative_percent / 100;
		if (threshold->absolute_ns && smoothed > threshold->absolute_ns) {
			__sync_fetch_and_add(&samples->slow, 1);
			send_alert(key, state, SONDE_ALERT_ABSOLUTE, threshold->absolute_ns, sample, now);
		} else if (limit && smoothed > limit && smoothed > threshold->floor_ns) {
			__sync_fetch_and_add(&samples->slow, 1);
			send_alert(key, state, SONDE_ALERT_RELATIVE, limit, sample, now);
		}
	}
	update_baseline(state, smoothed, now);
	state->judged_ns = now;
	return 0;
}
