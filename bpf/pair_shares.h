/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/* Counts of pairs that have a place, by interface, and behind them that of all (map `pair_shares`). */
#define SONDE_PAIR_SHARES 4096
#define SONDE_ALL_PAIRS SONDE_PAIR_SHARES

/* Where an interface's pairs are counted. Neighbours never meet: their numbers follow each other. */
static inline __u32 share_of(__u32 interface, __u32 space)
{
	return (interface + space * 1021) % SONDE_PAIR_SHARES;
}
