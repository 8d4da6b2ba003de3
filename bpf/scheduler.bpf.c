// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Context switches and the wait from runnable to running, per cgroup.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/scheduler.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SONDE_COUNTS(struct scheduler_counts)

#define TASK_DEAD 0x80

/* Whether this is the last time that the task leaves a CPU. */
static __always_inline bool is_dead(const struct task_struct *task)
{
	return task->__state & TASK_DEAD;
}

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
 * What has been counted of a task's waiting. The kernel keeps account of it (CONFIG_SCHED_INFO; the second
 * and third number of /proc/PID/schedstat): when a task comes to a CPU, pcount grows by one and run_delay by
 * the time since it was queued, including what it waited on other run queues. So when it leaves the CPU, its
 * last wait is what run_delay has grown by since it left one before.
 */
struct counted_wait {
	__u64 task;  /* its address; 0: free */
	__u64 known; /* run_delay << PCOUNT_BITS | pcount, their low bits */
};

#define PCOUNT_BITS 8
#define PCOUNT_MASK ((1 << PCOUNT_BITS) - 1)

/* A task's entry is in the set that its address hashes to. An entry is freed when its task has died. */
#define SET_BITS 15
#define WAYS 2
struct counted_waits {
	struct counted_wait ways[WAYS];
} __attribute__((aligned(32))); /* within one cache line */
static struct counted_waits counted[1 << SET_BITS];

/* The task's entry, or one for it; what that held of another task is given up, and counted as lost. */
static __always_inline struct counted_wait *entry_of(const struct task_struct *task, __u64 address,
						     bool *found)
{
	struct counted_waits *set = &counted[address * 0x9e3779b97f4a7c15ULL >> (64 - SET_BITS)];
	struct counted_wait *first = &set->ways[0], *second = &set->ways[1];

	*found = true;
	if (first->task == address)
		return first;
	if (second->task == address)
		return second;
	*found = false;
	if (!first->task)
		return first;
	if (!second->task)
		return second;
	count_error(SONDE_ERROR_WAIT_EVICTED);
	return task->sched_info.pcount & 1 ? first : second;
}

/* `task` leaves a CPU: counts the wait that it came there after. */
static __always_inline void count_wait(const struct task_struct *task, struct scheduler_counts *value)
{
	__u64 delay = task->sched_info.run_delay, arrivals = task->sched_info.pcount;
	__u64 now = delay << PCOUNT_BITS | (arrivals & PCOUNT_MASK);
	__u64 address =
	    bpf_get_current_task(); /* `task`'s, as a number: the verifier lets nobody hash a pointer */
	bool found;
	struct counted_wait *entry = entry_of(task, address, &found);
	__u64 before = entry->known;

	/* On its first arrival, what is found is of a task that died unseen and had the same address. */
	if (arrivals == 1 && (!found || (before & PCOUNT_MASK) != 1))
		count_delay(value, delay);
	/* It may leave twice after one arrival: preempted while it went to sleep, it is not queued. */
	else if (found && (before ^ now) & PCOUNT_MASK)
		count_delay(value, (now >> PCOUNT_BITS) - (before >> PCOUNT_BITS));
	entry->task = is_dead(task) ? 0 : address;
	entry->known = now;
}

/*
 * Hook: every context switch, interrupts off. All is counted where a task leaves the CPU, so that each switch
 * touches what belongs to one task only: its memory is rarely in the cache. Idle tasks (pid 0) are left out.
 * Oldest kernel: 5.14; 5.18 passed other arguments.
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
