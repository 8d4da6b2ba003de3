/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

/* Hierarchies, numbered as identity/hierarchy.h does. */
#define SONDE_HIERARCHY_UNIFIED 0
#define SONDE_HIERARCHY_MEMORY 1
#define SONDE_HIERARCHY_CPU 2
#define SONDE_HIERARCHY_CPUACCT 3
#define SONDE_HIERARCHY_BLKIO 4
#define SONDE_HIERARCHY_PIDS 5

/* Whose event it was. Ids of two hierarchies may collide (both roots are 1), hence the pair. */
struct cgroup_key {
	__u64 id;        /* kernfs id = inode of the cgroup's directory */
	__u32 hierarchy; /* SONDE_HIERARCHY_… */
	__u32 reserved;  /* 0 */
};
