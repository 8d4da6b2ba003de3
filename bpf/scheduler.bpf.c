// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Context switches and the wait from runnable to running, per cgroup.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/scheduler.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SONDE_COUNTS(struct scheduler_counts)

/* Whether the kernel keeps account of waits. Set before load. */
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
 * another, the time since it was queued is added to its run_delay. So when it leaves the CPU, its last wait
 * is what run_delay has grown by since it left one before.
 *
 * Index: the pid's low 16 bits. Value: the low 48 bits of the run_delay counted, then a mark and the part of
 * the pid that the index leaves out. Of two tasks that share an entry, the one that finds the other's has
 * its wait left out.
 */
#define ENTRIES 65536
#define TAG_BITS 16
#define TAG_MARK 0x8000 /* tells an entry from an empty one; pids have 22 bits at most */
__u64 counted[ENTRIES];

static __always_inline __u64 tag_of(const struct task_struct *task)
{
	return TAG_MARK | (__u32)task->pid / ENTRIES;
}

/* `task` leaves a CPU: counts the wait that it came there after. */
static __always_inline void count_wait(const struct task_struct *task, struct scheduler_counts *value)
{
	__u64 total = task->sched_info.run_delay;
	__u64 *entry = &counted[(__u32)task->pid % ENTRIES];
	__u64 before = *entry, now = total << TAG_BITS | tag_of(task);

	*entry = now;
	if (task->sched_info.pcount ==
	    1) /* its first: what is known is of a dead task that had the same pid */
		count_delay(value, total);
	else if (((before ^ now) & ((1 << TAG_BITS) - 1)) == 0)
		count_delay(value, (now - before) >> TAG_BITS);
}

/*
 * Hook: every context switch, interrupts off. All is counted where a task leaves the CPU, so that each switch
 * touches what belongs to one task only: its memory is rarely in the cache. Idle tasks (pid 0) are left out.
 * Oldest kernel: 5.12 (atomics that return a value, in lib/counts.bpf.h); 5.18 passed other arguments.
 */
SEC("?tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev)
{
	struct scheduler_counts *value;

	if (!prev->pid)
		return 0;
	value = counts_of_slot(task_slot(prev));
	if (!value)
		return 0;
	value->switches++;
	if (count_waits)
		count_wait(prev, value);
	return 0;
}
