/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/lib/task_state.bpf.h"
#include "bpf/lib/trace_events.bpf.h"

/*
 * The threads that write to or read from traced flows, by their number. Bound: a plain hash, since one that
 * forgets a waiting thread would leave its CPU counted as waited for. Full: counted in `tallies`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct trace_thread);
} threads SEC(".maps");

/* Key: the CPU. Bound: CPUs of the machine; on the later ones of a larger machine nobody is charged. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct trace_cpu);
} cpus SEC(".maps");

/* Nanoseconds that a cgroup ran while another's traced thread waited for that CPU. Full: counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct trace_rival);
	__type(value, __u64);
} rivals SEC(".maps");

/* The devices that traced packets queue at. Value: unused. Full: counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct trace_device);
	__type(value, __u32);
} devices SEC(".maps");

/* Bytes of all packets of IP that came to such a device, by their source address. Full: counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct trace_device_source);
	__type(value, __u64);
} sources SEC(".maps");

static __always_inline void add_to(void *map, const void *key, __u64 amount)
{
	__u64 *sum = bpf_map_lookup_elem(map, key);
	long failed;

	if (sum) {
		__sync_fetch_and_add(sum, amount);
		return;
	}
	failed = bpf_map_update_elem(map, key, &amount, BPF_NOEXIST);
	if (!failed)
		return;
	sum = bpf_map_lookup_elem(map, key);
	if (sum)
		__sync_fetch_and_add(sum, amount);
	else
		tally(SONDE_TRACE_NO_ROOM);
}

/* Counts a packet at a device that traced ones come to; `traced` makes it one. */
static __always_inline void count_source(struct sk_buff *skb, const struct flow_address *address, bool traced)
{
	struct net_device *device = skb->dev;
	struct trace_device_source key = {};

	key.device.space = device->nd_net.net->ns.inum;
	key.device.interface = device->ifindex;
	if (!bpf_map_lookup_elem(&devices, &key.device)) {
		__u32 value = 1;

		if (!traced)
			return;
		if (bpf_map_update_elem(&devices, &key.device, &value, BPF_ANY))
			tally(SONDE_TRACE_NO_ROOM);
	}
	key.source = *address;
	add_to(&sources, &key, skb->len);
}

static __always_inline void follow_current_thread(void)
{
	__u64 both = bpf_get_current_pid_tgid();
	struct trace_thread thread = {};
	__u32 number = (__u32)both;

	if (bpf_map_lookup_elem(&threads, &number))
		return;
	thread.process = both >> 32;
	thread.cgroup = task_state(bpf_get_current_task_btf())->cgroup->kn->id;
	bpf_get_current_comm(thread.name, sizeof(thread.name));
	if (bpf_map_update_elem(&threads, &number, &thread, BPF_ANY))
		tally(SONDE_TRACE_NO_ROOM);
}

static __always_inline void begin_wait(struct trace_thread *thread, __u32 where)
{
	struct trace_cpu *cpu = bpf_map_lookup_elem(&cpus, &where);
	__u64 now = bpf_ktime_get_ns();

	thread->waits_since_ns = now;
	thread->waits_on = where;
	if (!cpu)
		return;
	cpu->victim = thread->cgroup;
	if (__sync_fetch_and_add(&cpu->waiting, 1) == 0)
		cpu->since_ns = now;
}

static __always_inline void end_wait(struct trace_thread *thread)
{
	__u32 where = thread->waits_on;
	struct trace_cpu *cpu = bpf_map_lookup_elem(&cpus, &where);

	thread->waits_since_ns = 0;
	if (cpu)
		__sync_fetch_and_add(&cpu->waiting, -1);
}

/* The thread that ran on this CPU until now did so while a traced one waited: it pays for that. */
static __always_inline void charge_rival(struct task_struct *ran)
{
	__u32 here = bpf_get_smp_processor_id();
	struct trace_cpu *cpu = bpf_map_lookup_elem(&cpus, &here);
	__u64 now = bpf_ktime_get_ns();
	struct trace_rival rival = {};

	if (!cpu || cpu->waiting <= 0 || now <= cpu->since_ns)
		return;
	if (ran->pid != 0)
		rival.cgroup = task_state(ran)->cgroup->kn->id;
	rival.victim = cpu->victim;
	add_to(&rivals, &rival, now - cpu->since_ns);
	cpu->since_ns = now;
}
