// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Cgroups made, removed and given a first process, on every hierarchy.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/cgroup_events.h"
#include "bpf/lib/errors.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * struct cgroup_event, cut behind the end of its path. Bound: 1,200 records of pods with systemd's long
 * paths, 3,000 of short ones; the reader may be away for half a second while 100 containers a second come and
 * go in ten hierarchies. Full: the event is counted in `errors`, and the reader lists the cgroups anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

/* A cgroup_event with less room for the path, which fits on the stack. */
struct short_event {
	__u64 id;
	__u32 hierarchy_root;
	__u32 kind;
	char path[256];
};

/* Sends what needs no more than its room; false if the path is longer. */
static __always_inline bool send_short(struct cgroup *cgroup, const char *path, __u32 kind)
{
	struct short_event event;
	long size = bpf_probe_read_kernel_str(event.path, sizeof(event.path), path);

	/* As long as the room: clipped, perhaps. */
	if (size < 1 || size >= (long)sizeof(event.path))
		return false;
	event.id = cgroup->kn->id;
	event.hierarchy_root = cgroup->root->hierarchy_id;
	event.kind = kind;
	if (bpf_ringbuf_output(&events, &event, offsetof(struct short_event, path) + size, 0))
		count_error(SONDE_ERROR_RING_FULL);
	return true;
}

static __always_inline int send(struct cgroup *cgroup, const char *path, __u32 kind)
{
	struct cgroup_event *event;

	if (send_short(cgroup, path, kind))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_error(SONDE_ERROR_RING_FULL);
		return 0;
	}
	event->id = cgroup->kn->id;
	event->hierarchy_root = cgroup->root->hierarchy_id;
	event->kind = kind;
	/* The record's memory is reused: without the path it must not show an older one's. */
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), path) < 0)
		event->path[0] = '\0';
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Hook: mkdir of a cgroup. Oldest kernel: 5.8 (ring buffer). */
SEC("?tp_btf/cgroup_mkdir")
int BPF_PROG(mkdir, struct cgroup *cgroup, const char *path)
{
	return send(cgroup, path, SONDE_CGROUP_MKDIR);
}

/* Hook: rmdir of a cgroup. Oldest kernel: 5.8. */
SEC("?tp_btf/cgroup_rmdir")
int BPF_PROG(rmdir, struct cgroup *cgroup, const char *path)
{
	return send(cgroup, path, SONDE_CGROUP_RMDIR);
}

/*
 * Hook: a cgroup was empty, those below it too, and got a process, or the last one left. Oldest kernel: 5.8
 * (its tracepoint: 5.2). Ancestors are announced with it; the process is not theirs.
 */
SEC("?tp_btf/cgroup_notify_populated")
int BPF_PROG(populated, struct cgroup *cgroup, const char *path, int value)
{
	if (!value || cgroup->nr_populated_csets == 0)
		return 0;
	return send(cgroup, path, SONDE_CGROUP_POPULATED);
}
