/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/cgroup_key.h"
#include "bpf/settings.h"

const volatile struct bpf_settings settings = {};

/*
 * The cgroup of a task in the hierarchy that user space chose: on v1 the one of a controller, on v2 the only
 * one. Plain loads from BTF pointers (kernel 5.5): no bpf_probe_read, which costs 200 ns for this chain.
 * `hierarchy` is read-only data, so one branch is left after the verifier; a controller that the kernel lacks
 * is in a branch that is dropped.
 */
static __always_inline struct cgroup *task_cgroup(struct task_struct *task)
{
	struct css_set *set = task->cgroups;

	if (settings.task_hierarchy == SONDE_HIERARCHY_MEMORY)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]->cgroup;
	if (settings.task_hierarchy == SONDE_HIERARCHY_CPU)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)]->cgroup;
	if (settings.task_hierarchy == SONDE_HIERARCHY_CPUACCT)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id)]->cgroup;
	if (settings.task_hierarchy == SONDE_HIERARCHY_PIDS)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)]->cgroup;
	return set->dfl_cgrp;
}

/* The key of a task's events. */
static __always_inline struct cgroup_key task_key(struct task_struct *task)
{
	struct cgroup_key key = {
	    .id = task_cgroup(task)->kn->id,
	    .hierarchy = settings.task_hierarchy,
	};

	return key;
}
