// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Programs that do nothing, at every hook the exporter uses: what a run costs before it does anything.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(name, hook)                                                                                    \
	SEC("?tp_btf/" hook)                                                                                 \
	int name(void *ctx)                                                                                  \
	{                                                                                                    \
		return 0;                                                                                    \
	}

EMPTY(sys_enter, "sys_enter")
EMPTY(sys_exit, "sys_exit")
EMPTY(uring_complete, "io_uring_complete")
EMPTY(fault_user, "page_fault_user")
EMPTY(fault_kernel, "page_fault_kernel")
EMPTY(process_fork, "sched_process_fork")
EMPTY(process_exec, "sched_process_exec")
EMPTY(process_exit, "sched_process_exit")
EMPTY(sched_switch, "sched_switch")
EMPTY(rq_issue, "block_rq_issue")
EMPTY(rq_requeue, "block_rq_requeue")
EMPTY(rq_complete, "block_rq_complete")
EMPTY(retransmit_skb, "tcp_retransmit_skb")
EMPTY(retransmit_ack, "tcp_retransmit_synack")
EMPTY(mkdir, "cgroup_mkdir")
EMPTY(rmdir, "cgroup_rmdir")
