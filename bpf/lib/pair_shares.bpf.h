/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* How the places for pairs are shared out, so that a pod with many remotes leaves some to others. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "bpf/pair_shares.h"

/*
 * Key: share_of() an interface, and last SONDE_ALL_PAIRS. Value: places that its pairs have now. The
 * exporter, which takes places back, subtracts in the same memory. Bound: none is ever full, and interfaces
 * that share an entry share what they may have.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SONDE_PAIR_SHARES + 1);
	__type(key, __u32);
	__type(value, __u64);
} pair_shares SEC(".maps");

/*
 * Whether a share may have one more of `places`, which it then has: while it has fewer than are free. So one
 * with many remotes takes half of them at most, n such ones leave 1/(n + 1) to others, and who has few always
 * finds room. CPUs that look at once may each take one more than that.
 */
static __always_inline bool take_share(__u32 share, __u64 places)
{
	__u32 of_all = SONDE_ALL_PAIRS;
	__u64 *own = bpf_map_lookup_elem(&pair_shares, &share);
	__u64 *all = bpf_map_lookup_elem(&pair_shares, &of_all);

	if (!own || !all || *(volatile __u64 *)own + *(volatile __u64 *)all >= places)
		return false;
	__sync_fetch_and_add(own, 1);
	__sync_fetch_and_add(all, 1);
	return true;
}

static __always_inline void return_share(__u32 share)
{
	__u32 of_all = SONDE_ALL_PAIRS;
	__u64 *own = bpf_map_lookup_elem(&pair_shares, &share);
	__u64 *all = bpf_map_lookup_elem(&pair_shares, &of_all);

	if (!own || !all)
		return;
	__sync_fetch_and_add(own, -1ULL);
	__sync_fetch_and_add(all, -1ULL);
}
