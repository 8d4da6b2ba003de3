// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Processes made, replaced and ended, and threads made, per cgroup.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/process_events.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Whether the kernel's sched_process_exit says if the last thread of the process ended (6.17). */
const volatile bool exit_tells_group_dead = false;

SONDE_COUNTS(struct process_event_counts)

static __always_inline struct process_event_counts *counts_of(struct task_struct *task)
{
	return counts_of_slot(task_slot(task));
}

/*
 * Hook: a task was made; it is counted for the cgroup it starts in, which clone3 may set to another than its
 * parent's. Oldest kernel: 5.14.
 */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_event_counts *value = counts_of(child);

	if (!value)
		return 0;
	if (child->pid == child->tgid)
		value->forks++;
	else
		value->threads++;
	return 0;
}

/* Hook: an exec that succeeded. Oldest kernel: 5.14. */
SEC("?tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task)
{
	struct process_event_counts *value = counts_of(task);

	if (value)
		value->execs++;
	return 0;
}

/*
 * Whether this thread's end is its process's. Older kernels do not say: there it is the end of the first
 * thread, except when another one's exec ends it (the process lives on under that thread).
 */
static __always_inline bool ends_process(unsigned long long *ctx, struct task_struct *task)
{
	if (exit_tells_group_dead)
		return ctx[1] & 1;
	return task->pid == task->tgid && !task->signal->group_exec_task;
}

/* Hook: a thread ended. Oldest kernel: 5.17. */
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct process_event_counts *value;

	if (!ends_process(ctx, task))
		return 0;
	value = counts_of(task);
	if (value)
		value->exits++;
	return 0;
}
