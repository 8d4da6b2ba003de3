// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Page faults by the mode they were taken in, per cgroup.
#include "bpf/kernel_types.h"

#include <linux/bpf_perf_event.h>

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/page_faults.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SONDE_COUNTS(struct page_fault_counts)

static __always_inline struct page_fault_counts *current_counts(void)
{
	return counts_of_slot(task_slot(bpf_get_current_task_btf()));
}

/* Hook: a fault taken in user mode. Oldest kernel: 5.14, on x86. */
SEC("?tp_btf/page_fault_user")
int BPF_PROG(fault_user)
{
	struct page_fault_counts *value = current_counts();

	if (value)
		value->user++;
	return 0;
}

/* Hook: a fault taken in kernel mode, such as a copy to a page not there yet. Oldest kernel: 5.14, on x86. */
SEC("?tp_btf/page_fault_kernel")
int BPF_PROG(fault_kernel)
{
	struct page_fault_counts *value = current_counts();

	if (value)
		value->kernel++;
	return 0;
}

static __always_inline int in_user_mode(const struct bpf_perf_event_data *event)
{
#if defined(__TARGET_ARCH_x86)
	return event->regs.cs & 3;
#elif defined(__TARGET_ARCH_arm64)
	return (event->regs.pstate & 0xf) == 0;
#endif
}

/*
 * Hook: the software perf event page-faults, period 1, one a CPU; where the tracepoints are missing. It
 * counts faults that the kernel resolved, the tracepoints all that were taken. Oldest kernel: 5.14.
 */
SEC("?perf_event")
int fault_event(struct bpf_perf_event_data *event)
{
	struct page_fault_counts *value = current_counts();

	if (!value)
		return 0;
	if (in_user_mode(event))
		value->user++;
	else
		value->kernel++;
	return 0;
}
