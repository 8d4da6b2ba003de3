/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/errno.h>

#include "bpf/lib/errors.bpf.h"

/*
 * The value of `key` in a per-CPU hash on this CPU, made from `zero` at a key's first event; NULL where there
 * is no room, which is counted. Tracepoints run with preemption off, so `value->x++` is safe where no
 * interrupt on the same CPU writes the same value; programs that run in interrupts add atomically.
 */
static __always_inline void *find_or_make(void *map, const void *key, const void *zero)
{
	void *value = bpf_map_lookup_elem(map, key);
	long failed;

	if (value)
		return value;
	failed = bpf_map_update_elem(map, key, zero, BPF_NOEXIST);
	if (failed && failed != -EEXIST) {
		count_error(failed == -E2BIG ? SONDE_ERROR_MAP_FULL : SONDE_ERROR_MAP_BUSY);
		return NULL;
	}
	return bpf_map_lookup_elem(map, key);
}
