/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

/* Value of the map `counts` of page_faults.bpf.c: faults taken in user mode and in kernel mode. */
struct page_fault_counts {
	__u64 user;
	__u64 kernel;
};
