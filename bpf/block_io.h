/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

#include "bpf/settings.h"

enum block_operation {
	SONDE_BLOCK_READ,
	SONDE_BLOCK_WRITE,
	SONDE_BLOCK_FLUSH,
	SONDE_BLOCK_DISCARD,
	SONDE_BLOCK_OTHER
};
#define SONDE_BLOCK_OPERATIONS 5

/* Value of the map `counts` of block_io.bpf.c, both arrays by enum block_operation. */
struct block_counts {
	__u64 requests[SONDE_BLOCK_OPERATIONS];
	__u64 bytes[SONDE_BLOCK_OPERATIONS];
};
