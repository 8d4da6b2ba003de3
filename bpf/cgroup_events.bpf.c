// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Cgroups made, removed and given a first process, on every hierarchy.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/cgroup_events.h"
#include "bpf/lib/errors.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * struct cgroup_event. Bound: 489 records; the reader is woken by each, and pods come in tens. Full: the
 * event is counted in `errors`, and the reader lists the cgroups anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

static __always_inline int send(struct cgroup *cgroup, const char *path, __u32 kind)
{
	struct cgroup_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

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

/* Hook: the kernel let go of a removed cgroup, once nothing is charged to it. Oldest kernel: 5.8. */
SEC("?tp_btf/cgroup_release")
int BPF_PROG(release, struct cgroup *cgroup, const char *path)
{
	return send(cgroup, path, SONDE_CGROUP_RELEASE);
}
