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
	__u32 cpu;
};

/* With CONFIG_SCHED_INFO, which CONFIG_TASK_DELAY_ACCT and CONFIG_SCHEDSTATS select; else it is empty. */
struct sched_info {
	unsigned long pcount;         /* times it came to a CPU */
	unsigned long long run_delay; /* ns that it waited for one */
};

struct task_struct {
	unsigned int __state; /* `state` before 5.14 */
	int on_cpu;           /* it runs; kernels for one CPU have it since 6.17 */
	struct sched_info sched_info;
	struct thread_info thread_info;
	int pid;
	int tgid;
	char comm[16];
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

struct in6_addr___kernel {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	possible_net_t skc_net;
	struct in6_addr___kernel skc_v6_daddr;
	struct in6_addr___kernel skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct tcp_sock {
	__u32 write_seq; /* behind the last byte that the program wrote */
	__u32 snd_una;   /* the oldest byte not acknowledged */
	__u32 snd_nxt;   /* the next byte to send */
	__u32 snd_wnd;   /* bytes that the receiver has room for, from snd_una on */
	__u32 snd_cwnd;  /* segments that may be under way */
	__u32 packets_out;
	__u32 mss_cache;
	__u32 copied_seq; /* behind the last byte that the program read */
	__u32 rcv_nxt;
	__u8 nonagle : 4; /* TCP_NAGLE_… */
};

struct iov_iter {
	__u64 count; /* bytes left */
};

struct msghdr {
	struct iov_iter msg_iter;
};

struct net_device {
	int ifindex;
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned int len;
	unsigned int data_len; /* of it, not in the linear part */
	__be16 protocol;
	__be16 inner_protocol; /* set by tunnels, to an Ethernet type or an IPPROTO_… */
	__u16 network_header;
	unsigned char *head;
	unsigned char *data;
	__s64 tstamp;
};

/* TCP's use of sk_buff.cb. */
struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq; /* SYN and FIN count as one each */
	__u16 tcp_gso_segs;
	__u8 tcp_flags; /* as in the header; 16 bits since 6.15 */
	__u32 ack_seq;
};

#pragma clang attribute pop
