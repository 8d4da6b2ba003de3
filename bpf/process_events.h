/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

/* Value of the map `counts` of process_events.bpf.c. */
struct process_event_counts {
	__u64 forks; /* processes made */
	__u64 execs;
	__u64 exits;   /* processes ended */
	__u64 threads; /* threads made beside a process's first */
};
