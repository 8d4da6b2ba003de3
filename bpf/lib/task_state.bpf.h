/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/cgroup_key.h"
#include "bpf/lib/settings.bpf.h"

/*
 * The state that a task's cgroup has in the hierarchy that user space chose: on v1 the one of a controller,
 * on v2 the cgroup's own. Plain loads from BTF pointers (kernel 5.5): no bpf_probe_read, which costs 200 ns
 * for this chain. `hierarchy` is read-only data, so one branch is left after the verifier; a controller that
 * the kernel lacks is in a branch that is dropped.
 */
static __always_inline const struct cgroup_subsys_state *task_state(struct task_struct *task)
{
	struct css_set *set = task->cgroups;

	if (settings.task_hierarchy == SONDE_HIERARCHY_MEMORY)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)];
	if (settings.task_hierarchy == SONDE_HIERARCHY_CPU)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)];
	if (settings.task_hierarchy == SONDE_HIERARCHY_CPUACCT)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id)];
	if (settings.task_hierarchy == SONDE_HIERARCHY_PIDS)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)];
	return &set->dfl_cgrp->self;
}
