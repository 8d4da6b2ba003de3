/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

/* Upper bounds of the run-queue delay's buckets: 1 µs × 4^i, i < 11 (1 µs … 1.05 s); one more bucket above.
 */
#define SONDE_DELAY_BUCKETS 12

/* Value of the map `counts` of scheduler.bpf.c. */
struct scheduler_counts {
	__u64 switches;                    /* times a task of the cgroup left a CPU */
	__u64 delay_ns;                    /* sum of the delays below */
	__u64 delays[SONDE_DELAY_BUCKETS]; /* waits from runnable to running, per bucket (not cumulative) */
};
