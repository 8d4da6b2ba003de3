/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/* Value of the map `counts` of tcp_retransmits.bpf.c. */
struct tcp_retransmit_counts {
	__u64 segments; /* what the kernel's RetransSegs counts */
};
