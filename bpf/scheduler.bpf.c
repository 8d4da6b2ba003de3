// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Context switches and the wait from runnable to running, per cgroup.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/scheduler.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SONDE_COUNTS(struct scheduler_counts)

/* Whether the kernel keeps account of waits, and tasks know their run queue. Set before load. */
const volatile bool count_waits = false;

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
 * How much of a task's waiting has been counted. The kernel keeps account of it (CONFIG_SCHED_INFO; the
 * second number of /proc/PID/schedstat): when a task comes to a CPU, or is moved from one run queue to
 * another, the time since it was queued is added to its run_delay. Right before that, at sched_switch, the
 * same sum is made here with the same clock, so that the two agree to the nanosecond.
 *
 * Index: the pid's low 16 bits. Value: the low 48 bits of the run_delay counted, then a mark and the part of
 * the pid that the index leaves out. Two tasks may share an entry; the one that finds the other's only loses
 * what it waited on other run queues before this one.
 */
#define ENTRIES 65536
#define TAG_BITS 16
#define TAG_MARK 0x8000 /* tells an entry from an empty one; pids have 22 bits at most */
__u64 counted[ENTRIES];

static __always_inline __u64 tag_of(const struct task_struct *task)
{
	return TAG_MARK | (__u32)task->pid / ENTRIES;
}

/*
 * What of `total` ns that a task has waited in its life is not counted yet; counts it as known from now on.
 * `first`: the task's first wait is its only one. `otherwise`: the answer where nothing is known.
 */
static __always_inline __u64 take_uncounted(const struct task_struct *task, __u64 total, bool first,
					    __u64 otherwise)
{
	__u64 *entry = &counted[(__u32)task->pid % ENTRIES];
	__u64 before = *entry, now = total << TAG_BITS | tag_of(task);

	if (before == now)
		return 0;
	*entry = now;
	if (first) /* what is known is of a dead task that had the same pid */
		return total;
	if ((before ^ now) & ((1 << TAG_BITS) - 1))
		return otherwise;
	return (now - before) >> TAG_BITS;
}

/* `task` comes to a CPU. */
static __always_inline void count_wait(const struct task_struct *task, struct scheduler_counts *value)
{
	__u64 since = task->sched_info.last_queued, waited;

	if (!since)
		return;
	waited = task->se.cfs_rq->rq->clock - since;
	count_delay(value, take_uncounted(task, task->sched_info.run_delay + waited,
					  task->sched_info.pcount == 0, waited));
}

/*
 * `task` leaves a CPU. Some kernels run no programs at a switch away from some task (seen with an agent of
 * the hypervisor): the wait of the one that came then is counted here.
 */
static __always_inline void count_missed_wait(const struct task_struct *task, struct scheduler_counts *value)
{
	__u64 missed = take_uncounted(task, task->sched_info.run_delay, task->sched_info.pcount == 1, 0);

	if (missed)
		count_delay(value, missed);
}

/*
 * Hook: every context switch, interrupts off. The task that leaves is counted; the one that comes has waited
 * since it became runnable. Idle tasks (pid 0) are neither. Oldest kernel: 5.18 (argument prev_state).
 */
SEC("?tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct scheduler_counts *value;

	if (prev->pid) {
		value = counts_of_slot(task_slot(prev));
		if (value) {
			value->switches++;
			if (count_waits)
				count_missed_wait(prev, value);
		}
	}
	if (count_waits && next->pid) {
		value = counts_of_slot(task_slot(next));
		if (value)
			count_wait(next, value);
	}
	return 0;
}
