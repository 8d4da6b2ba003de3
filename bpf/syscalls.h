/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

/* Value of the map `counts` of syscalls.bpf.c. What the programs at the syscall path count comes first. */
struct syscall_counts {
	__u64 syscalls;
	__u64 mmap_calls;
	__u64 opens_succeeded;
	__u64 opens_failed;
	__u64 uring_opens_succeeded;
	__u64 uring_opens_failed;
};

/* Fields that are counted in windows where the syscall path is sampled; the others all the time. */
#define SONDE_SAMPLED_SYSCALL_COUNTS 4
