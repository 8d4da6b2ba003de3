/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "bpf/errors.h"

/* Events not counted. Key: enum sonde_error. Value: events. Bound: the enum; cannot be full. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SONDE_ERROR_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} errors SEC(".maps");

/* Never inlined into the fast path's registers: errors are rare, so a shared atomic is good enough. */
static __always_inline void count_error(__u32 error)
{
	__u64 *count = bpf_map_lookup_elem(&errors, &error);

	if (count)
		__sync_fetch_and_add(count, 1);
}
