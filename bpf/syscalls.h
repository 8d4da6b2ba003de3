/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

/* Value of the map `counts` of syscalls.bpf.c. */
struct syscall_counts {
	__u64 syscalls;
	__u64 mmap_calls;
	__u64 opens_succeeded;
	__u64 opens_failed;
};
