/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

#include "bpf/lib/counts.bpf.h"
#include "bpf/lib/task_state.bpf.h"

/* The slot of the cgroup that a task's events belong to. */
static __always_inline __u32 task_slot(struct task_struct *task)
{
	return slot_of_cgroup(task_state(task), settings.task_hierarchy);
}
