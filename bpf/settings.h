/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/* Set before load as read-only data; the verifier drops the branches not taken. */
struct bpf_settings {
	__u32 task_hierarchy; /* SONDE_HIERARCHY_…: whose cgroup a task's events are counted for */
	__u32 io_hierarchy;   /* the same for block I/O: BLKIO on v1, UNIFIED on v2 */
	__u32 max_slots;      /* bound of the maps of lib/counts.bpf.h */
};
