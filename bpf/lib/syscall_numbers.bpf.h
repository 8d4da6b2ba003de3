/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

/*
 * Which system calls map memory or open files. The numbers differ between architectures and for 32-bit
 * callers
 * ("compat"), who have their own table even in a 64-bit process (int 0x80).
 * Sources: arch/x86/entry/syscalls/syscall_{64,32}.tbl, include/uapi/asm-generic/unistd.h,
 * arch/arm/tools/syscall.tbl.
 */
#define NR_OPENAT2 437 /* the same everywhere */

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 0x2       /* arch/x86/include/asm/thread_info.h */
#define X32_BIT 0x40000000L /* x32 callers use the 64-bit table with this bit set */
#define NR_MMAP 9
#define NR_COMPAT_MMAP 90 /* one pointer to its six arguments */
#define NR_COMPAT_MMAP2 192

static __always_inline int is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

static __always_inline long syscall_number(struct pt_regs___kernel *regs)
{
	return (long)regs->orig_ax;
}

static __always_inline int is_open_here(long nr)
{
	return nr == 257 /* openat */ || nr == 2 /* open */ || nr == 85 /* creat */;
}

static __always_inline int is_open_compat(long nr)
{
	return nr == 295 /* openat */ || nr == 5 /* open */ || nr == 8 /* creat */;
}

#elif defined(__TARGET_ARCH_arm64)

#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */
#define X32_BIT 0L
#define NR_MMAP 222
#define NR_COMPAT_MMAP 192 /* mmap2 is the only one of arm EABI */
#define NR_COMPAT_MMAP2 192

static __always_inline int is_compat(struct task_struct *task)
{
	return (task->thread_info.flags >> TIF_32BIT) & 1;
}

static __always_inline long syscall_number(struct pt_regs___kernel *regs)
{
	return regs->syscallno;
}

static __always_inline int is_open_here(long nr)
{
	return nr == 56 /* openat */;
}

static __always_inline int is_open_compat(long nr)
{
	return nr == 322 /* openat */ || nr == 5 /* open */ || nr == 8 /* creat */;
}

#else
#error "Add this architecture's numbers of mmap and open"
#endif

/* Most calls are neither: the numbers are looked at first, the caller's kind only where one fits. */
static __always_inline int is_mmap(struct task_struct *task, long nr)
{
	nr &= ~X32_BIT;
	if (nr != NR_MMAP && nr != NR_COMPAT_MMAP && nr != NR_COMPAT_MMAP2)
		return 0;
	return is_compat(task) ? nr != NR_MMAP : nr == NR_MMAP;
}

static __always_inline int is_open(struct task_struct *task, long nr)
{
	nr &= ~X32_BIT;
	if (nr == NR_OPENAT2)
		return 1;
	if (!is_open_here(nr) && !is_open_compat(nr))
		return 0;
	return is_compat(task) ? is_open_compat(nr) : is_open_here(nr);
}
