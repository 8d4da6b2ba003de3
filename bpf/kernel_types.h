/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/*
 * The kernel's types as far as these programs read them. CO-RE relocates every access by name against the BTF
 * of the running kernel, so order, size and the fields left out do not matter. A name after ___ is ignored
 * there.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* kernel/cgroup */
struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	__u64 serial_nr; /* of all hierarchies together; never used again */
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	int nr_populated_csets; /* of tasks in itself, not below it */
	struct cgroup_root *root;
};

/* The values depend on the kernel's configuration: bpf_core_enum_value() asks for them. */
enum cgroup_subsys_id {
	cpu_cgrp_id,
	cpuacct_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

/* kernel/sched, kernel/fork */
struct signal_struct {
	struct task_struct *group_exec_task; /* since 5.17 */
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 only */
};

/* With CONFIG_SCHED_INFO, which CONFIG_TASK_DELAY_ACCT and CONFIG_SCHEDSTATS select; else it is empty. */
struct sched_info {
	unsigned long pcount;         /* times it came to a CPU */
	unsigned long long run_delay; /* ns that it waited for one */
};

struct task_struct {
	unsigned int __state; /* `state` before 5.14 */
	struct sched_info sched_info;
	struct thread_info thread_info;
	int pid;
	int tgid;
	struct css_set *cgroups;
	struct signal_struct *signal;
};

/* The registers of a system call; the UAPI header has another struct of this name. */
struct pt_regs___kernel {
#if defined(__TARGET_ARCH_x86)
	unsigned long orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	int syscallno;
#endif
};

/* io_uring */
struct io_cqe {
	__s32 res;
};

struct io_kiocb {
	__u8 opcode;
	struct io_cqe cqe; /* since 5.19 */
};

/* block */
enum mq_rq_state {
	MQ_RQ_IDLE, /* not issued */
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct blkcg_gq *bi_blkg;
};

struct request {
	enum mq_rq_state state;
	__u32 cmd_flags;
	unsigned int __data_len;
	struct bio *bio;
};

/* net */
struct ns_common {
	unsigned int inum;
};

struct net_device;

struct net {
	struct ns_common ns;
	struct net_device *loopback_dev;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
};

struct sock_common {
	__u16 skc_family;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	char cb[48];
};

/* TCP's use of sk_buff.cb. */
struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

#pragma clang attribute pop
