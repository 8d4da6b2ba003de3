// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Context switches and the wait from runnable to running, per cgroup.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/scheduler.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * Key: the cgroup. Value: its counts, per CPU. Bound: --bpf.max-cgroups, set before load; user space deletes
 * the entries of cgroups that are gone. Full: the event is counted in `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cgroup_key);
	__type(value, struct scheduler_counts);
} counts SEC(".maps");

/*
 * When a task became runnable, in ns of the monotonic clock; 0 while it runs or sleeps. Key: the task. Bound:
 * the number of tasks; the kernel frees an entry with its task. No memory: counted in `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} runnable_since SEC(".maps");

static const struct scheduler_counts zero;

static __always_inline void mark_runnable(struct task_struct *task, __u64 now)
{
	__u64 *since = bpf_task_storage_get(&runnable_since, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (since)
		*since = now;
	else
		count_error(SONDE_ERROR_STORAGE);
}

/* Hook: a sleeping task became runnable. Oldest kernel: 5.11. */
SEC("?tp_btf/sched_wakeup")
int BPF_PROG(wakeup, struct task_struct *task)
{
	mark_runnable(task, bpf_ktime_get_ns());
	return 0;
}

/* Hook: a new task became runnable. Oldest kernel: 5.11. */
SEC("?tp_btf/sched_wakeup_new")
int BPF_PROG(wakeup_new, struct task_struct *task)
{
	mark_runnable(task, bpf_ktime_get_ns());
	return 0;
}

/* The smallest i with ns <= 1000 * 4^i; most waits are short, so counting up from the bottom is the fast way.
 */
static __always_inline __u32 delay_bucket(__u64 ns)
{
	__u64 bound = 1000;
	__u32 i;

	for (i = 0; i < SONDE_DELAY_BUCKETS - 1; i++, bound *= 4)
		if (ns <= bound)
			break;
	return i;
}

static __always_inline void count_delay(struct scheduler_counts *value, __u64 ns)
{
	__u32 bucket = delay_bucket(ns);

	value->delay_ns += ns;
	if (bucket < SONDE_DELAY_BUCKETS)
		value->delays[bucket]++;
}

/*
 * Hook: every context switch, interrupts off. The one that leaves is counted; if it did not want to
 * (preempted, or it yielded) it waits from now on. The one that comes has waited since it became runnable.
 * CPU-bound idle tasks (pid 0) are neither. Oldest kernel: 5.18 (argument prev_state).
 */
SEC("?tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct scheduler_counts *value = NULL;
	struct cgroup_key prev_key = {}, next_key;
	__u64 now = bpf_ktime_get_ns();
	__u64 *since, waited;

	if (prev->pid) {
		prev_key = task_key(prev);
		value = find_or_make(&counts, &prev_key, &zero);
		if (value)
			value->switches++;
		if (preempt || prev_state == 0)
			mark_runnable(prev, now);
	}
	if (!next->pid)
		return 0;
	since = bpf_task_storage_get(&runnable_since, next, NULL, 0);
	/* It became runnable before the programs were attached, or where the kernel runs no programs. */
	if (!since || !*since) {
		count_error(SONDE_ERROR_UNSEEN_WAKEUP);
		return 0;
	}
	waited = now - *since;
	*since = 0;
	next_key = task_key(next);
	/* Two tasks of one cgroup in turn are the common case under load: one look-up serves both. */
	if (!value || next_key.id != prev_key.id)
		value = find_or_make(&counts, &next_key, &zero);
	if (value)
		count_delay(value, waited);
	return 0;
}
