/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include <linux/types.h>

enum cgroup_event_kind { SONDE_CGROUP_MKDIR, SONDE_CGROUP_RMDIR, SONDE_CGROUP_POPULATED };

#define SONDE_CGROUP_PATH_SIZE 512

/* A record of the ring buffer `events` of cgroup_events.bpf.c; it may end behind the path's NUL. */
struct cgroup_event {
	__u64 id;                          /* kernfs id = inode of the directory */
	__u32 hierarchy_root;              /* number of the hierarchy as in /proc/cgroups; 0 for v2 */
	__u32 kind;                        /* enum cgroup_event_kind */
	char path[SONDE_CGROUP_PATH_SIZE]; /* below the hierarchy's root, NUL-terminated, clipped */
};
