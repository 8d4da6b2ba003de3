// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// System calls, mmap calls and files opened, per cgroup.
#include "bpf/kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "bpf/lib/cgroup.bpf.h"
#include "bpf/lib/counts.bpf.h"
#include "bpf/lib/syscall_numbers.bpf.h"
#include "bpf/syscalls.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SONDE_COUNTS(struct syscall_counts)

static __always_inline struct syscall_counts *counts_of(struct task_struct *task)
{
	return counts_of_slot(task_slot(task));
}

static __always_inline void count_open(struct task_struct *task, long result)
{
	struct syscall_counts *value = counts_of(task);

	if (!value)
		return;
	if (result < 0)
		value->opens_failed++;
	else
		value->opens_succeeded++;
}

/* Hook: every system call. Oldest kernel: 5.11. */
SEC("?tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs___kernel *regs, long nr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct syscall_counts *value = counts_of(task);

	if (!value)
		return 0;
	value->syscalls++;
	if (is_mmap(task, nr))
		value->mmap_calls++;
	return 0;
}

/* Hook: every return from one; only an open does more than compare its number. Oldest kernel: 5.11. */
SEC("?tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs___kernel *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (is_open(task, syscall_number(regs)))
		count_open(task, result);
	return 0;
}

#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28

/*
 * Hook: every completion of an io_uring request, run by the submitting process or a worker thread of it. A
 * request that asked for no completion event (IOSQE_CQE_SKIP_SUCCESS) is not seen. Oldest kernel: 5.19. The
 * request is an untyped pointer there, hence bpf_probe_read.
 */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_complete, void *ring, struct io_kiocb *request)
{
	__u8 opcode;

	if (!request)
		return 0;
	opcode = BPF_CORE_READ(request, opcode);
	if (opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2)
		count_open(bpf_get_current_task_btf(), BPF_CORE_READ(request, cqe.res));
	return 0;
}
