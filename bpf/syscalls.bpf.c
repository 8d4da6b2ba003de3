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

/* Hook: every system call. Oldest kernel: 5.14. */
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

/* Hook: every return from one; only an open does more than compare its number. Oldest kernel: 5.14. */
SEC("?tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs___kernel *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();

	struct syscall_counts *value;

	if (!is_open(task, syscall_number(regs)))
		return 0;
	value = counts_of(task);
	if (!value)
		return 0;
	if (result < 0)
		value->opens_failed++;
	else
		value->opens_succeeded++;
	return 0;
}

#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28

/*
 * Hook: every completion of an io_uring request, run by the submitting process or a worker thread of it. A
 * request that asked for no completion event (IOSQE_CQE_SKIP_SUCCESS) is not seen. Oldest kernel: 5.19. The
 * request is an untyped pointer there, hence bpf_probe_read. It counts apart from the syscalls: attaching it
 * takes longer than all of theirs (its tracepoint is in many places), so it stays where they are sampled.
 */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_complete, void *ring, struct io_kiocb *request)
{
	struct syscall_counts *value;
	__u8 opcode;

	if (!request)
		return 0;
	opcode = BPF_CORE_READ(request, opcode);
	if (opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2)
		return 0;
	value = counts_of(bpf_get_current_task_btf());
	if (!value)
		return 0;
	if (BPF_CORE_READ(request, cqe.res) < 0)
		value->uring_opens_failed++;
	else
		value->uring_opens_succeeded++;
	return 0;
}
