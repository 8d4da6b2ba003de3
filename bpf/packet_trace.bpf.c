// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The way of chosen flows' packets through the kernel, and why their threads wait. Attached while a trace
// runs.
#include "bpf/kernel_types.h"

#include <linux/errno.h>

#include <bpf/bpf_tracing.h>

#include "bpf/lib/task_state.bpf.h"
#include "bpf/lib/trace_events.bpf.h"
#include "bpf/lib/trace_flows.bpf.h"
#include "bpf/lib/trace_rivals.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* As in tcp_retransmits.bpf.c. */
const volatile bool tells_failure = false;

/*
 * The packet that this CPU's driver has at present: behind the call it may be gone. Key: 0. A packet that is
 * sent meanwhile, by a bridge, takes its place: then the outer one, the bridge's, has no TRANSMITTED.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_event);
} in_driver SEC(".maps");

static __always_inline __u32 space_of_device(const struct net_device *device)
{
	return device->nd_net.net->ns.inum;
}

static __always_inline __u32 space_of_socket(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline void describe_packet(struct sk_buff *skb, const struct traced_packet *packet,
					    __u32 flow, __u32 layer, struct trace_event *event)
{
	struct sock *sk = skb->sk;
	struct net_device *device = skb->dev;

	event->flow = flow;
	event->layer = layer;
	event->seq = packet->seq;
	event->end_seq = packet->seq + packet->payload;
	event->ack = packet->ack;
	event->space = space_of_device(device);
	event->interface = device->ifindex;
	if (!packet->payload)
		event->flags |= SONDE_TRACE_NO_PAYLOAD;
	if (sk && space_of_socket(sk) == event->space)
		event->flags |= SONDE_TRACE_OWN_SOCKET;
}

/* Hook: net/core/dev.c, a packet reaches a device's qdisc. Oldest kernel: 5.12 (compare-and-swap of the
 * budget). */
SEC("?tp_btf/net_dev_queue")
int BPF_PROG(dev_queue, struct sk_buff *skb)
{
	struct traced_packet packet = {};
	struct trace_event event = {};
	__u32 flow;

	flow = read_sent(skb, &packet) ? flow_of_sent(skb, &packet.direction) : SONDE_TRACE_NO_FLOW;
	if (flow == SONDE_TRACE_NO_FLOW) {
		/* Whatever the protocol: it takes the device's time. */
		if (!is_any(&packet.direction.source))
			count_source(skb, &packet.direction.source, false);
		return 0;
	}
	count_source(skb, &packet.direction.source, true);
	describe_packet(skb, &packet, flow, SONDE_TRACE_QUEUE, &event);
	if (event.flags & SONDE_TRACE_OWN_SOCKET)
		event.value = skb->tstamp;
	send_event(&event);
	return 0;
}

/* Hook: net/core/dev.c, before the driver's function that sends. Oldest kernel: 5.12. */
SEC("?tp_btf/net_dev_start_xmit")
int BPF_PROG(start_xmit, struct sk_buff *skb)
{
	struct traced_packet packet = {};
	struct trace_event event = {};
	struct trace_event *kept;
	__u32 zero = 0;
	__u32 flow;

	if (!read_sent(skb, &packet))
		return 0;
	flow = flow_of(&packet.direction);
	if (flow == SONDE_TRACE_NO_FLOW)
		return 0;
	describe_packet(skb, &packet, flow, SONDE_TRACE_TRANSMIT, &event);
	send_event(&event);
	kept = bpf_map_lookup_elem(&in_driver, &zero);
	if (kept) {
		event.layer = SONDE_TRACE_TRANSMITTED;
		event.value = (__u64)skb;
		*kept = event;
	}
	return 0;
}

/* Hook: behind that function; the packet may be freed. Oldest kernel: 5.12. */
SEC("?tp_btf/net_dev_xmit")
int BPF_PROG(xmit, struct sk_buff *skb, int result)
{
	struct trace_event *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&in_driver, &zero);
	if (!kept || kept->value != (__u64)skb)
		return 0;
	kept->value = 0;
	/* Anything else: the driver was busy, the qdisc keeps it. */
	if (result == 0)
		send_event(kept);
	return 0;
}

static __always_inline int received(struct sk_buff *skb, __u32 layer)
{
	struct traced_packet packet = {};
	struct trace_event event = {};
	__u32 flow;

	if (!read_received(skb, &packet))
		return 0;
	flow = flow_of(&packet.direction);
	if (flow == SONDE_TRACE_NO_FLOW)
		return 0;
	describe_packet(skb, &packet, flow, layer, &event);
	send_event(&event);
	return 0;
}

/* Hook: a driver with its own poll function hands a packet over. Oldest kernel: 5.12. */
SEC("?tp_btf/napi_gro_receive_entry")
int BPF_PROG(gro_receive, struct sk_buff *skb)
{
	return received(skb, SONDE_TRACE_ARRIVE);
}

/* Hook: a driver without, such as veth's, puts a packet into a CPU's backlog. Oldest kernel: 5.12. */
SEC("?tp_btf/netif_rx")
int BPF_PROG(rx, struct sk_buff *skb)
{
	return received(skb, SONDE_TRACE_ARRIVE);
}

/* Hook: the softirq takes a packet up, behind GRO or the backlog. Oldest kernel: 5.12. */
SEC("?tp_btf/netif_receive_skb")
int BPF_PROG(receive_skb, struct sk_buff *skb)
{
	return received(skb, SONDE_TRACE_RECEIVE);
}

/*
 * Hook: TCP takes a segment up in an established connection, maybe after the socket's owner let go of it.
 * Oldest kernel: 5.12; the buffer is its second argument since 5.4.
 */
SEC("?tp_btf/tcp_probe")
int BPF_PROG(probe, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *control = (struct tcp_skb_cb *)skb->cb;
	struct trace_direction direction = {};
	struct trace_event event = {};
	__u32 space = space_of_socket(sk);

	if (!direction_of_socket(sk, &direction))
		return 0;
	event.flow = flow_of_socket(&direction, space);
	if (event.flow == SONDE_TRACE_NO_FLOW)
		return 0;
	event.flow ^= 1; /* what arrives goes the other way */
	event.layer = SONDE_TRACE_SOCKET;
	event.seq = BPF_CORE_READ(control, seq);
	event.end_seq = BPF_CORE_READ(control, end_seq) - (BPF_CORE_READ(control, tcp_flags) & 1);
	event.ack = BPF_CORE_READ(control, ack_seq);
	event.space = space;
	if (event.end_seq == event.seq)
		event.flags = SONDE_TRACE_NO_PAYLOAD;
	send_event(&event);
	return 0;
}

/* Hook: a thread read from a socket. Oldest kernel: 5.12. */
SEC("?tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(space_adjust, struct sock *sk)
{
	struct trace_direction direction = {};
	struct trace_event event = {};
	__u32 space = space_of_socket(sk);

	if (!direction_of_socket(sk, &direction))
		return 0;
	event.flow = flow_of_socket(&direction, space);
	if (event.flow == SONDE_TRACE_NO_FLOW)
		return 0;
	event.flow ^= 1;
	follow_current_thread();
	event.layer = SONDE_TRACE_READ;
	event.end_seq = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	event.seq = event.end_seq;
	event.space = space;
	send_event(&event);
	return 0;
}

#define SONDE_NAGLE_OFF 1  /* include/net/tcp.h: TCP_NAGLE_OFF, set by TCP_NODELAY */
#define SONDE_NAGLE_PUSH 4 /* TCP_NAGLE_PUSH: off for once */

/* Why a segment may not leave now, if so. */
static __always_inline __u8 limits_of(struct tcp_sock *tcp, __u64 bytes)
{
	__u32 under_way = BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una);
	__u32 sent = BPF_CORE_READ(tcp, snd_nxt) - BPF_CORE_READ(tcp, snd_una);
	__u32 segment = BPF_CORE_READ(tcp, mss_cache);
	__u8 nagle = BPF_CORE_READ_BITFIELD_PROBED(tcp, nonagle);
	__u8 flags = 0;

	if (sent + segment > BPF_CORE_READ(tcp, snd_wnd))
		flags |= SONDE_TRACE_WINDOW_FULL;
	if (BPF_CORE_READ(tcp, packets_out) >= BPF_CORE_READ(tcp, snd_cwnd))
		flags |= SONDE_TRACE_CONGESTION_FULL;
	if (under_way && bytes < segment && !(nagle & (SONDE_NAGLE_OFF | SONDE_NAGLE_PUSH)))
		flags |= SONDE_TRACE_NAGLE;
	return flags;
}

static __always_inline int written(struct sock *sk, struct msghdr *message)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct trace_direction direction = {};
	struct trace_event event = {};
	__u32 space = space_of_socket(sk);

	if (!direction_of_socket(sk, &direction))
		return 0;
	event.flow = flow_of_socket(&direction, space);
	if (event.flow == SONDE_TRACE_NO_FLOW)
		return 0;
	follow_current_thread();
	event.layer = SONDE_TRACE_WRITE;
	event.seq = BPF_CORE_READ(tcp, write_seq);
	event.end_seq = event.seq + (__u32)message->msg_iter.count;
	event.flags = limits_of(tcp, message->msg_iter.count);
	event.space = space;
	send_event(&event);
	return 0;
}

/* Hook: a thread's bytes go into a socket's buffer, once for each buffer. Oldest kernel: 6.16. */
SEC("?tp_btf/tcp_sendmsg_locked")
int BPF_PROG(sendmsg_locked, struct sock *sk, struct msghdr *message)
{
	return written(sk, message);
}

/*
 * Hook: the function around that one, once for each write. Oldest kernel: 5.12. In place of the tracepoint
 * where there is none; a node that refuses fentry lacks the stages that begin here.
 */
SEC("?fentry/tcp_sendmsg_locked")
int BPF_PROG(sendmsg_entry, struct sock *sk, struct msghdr *message)
{
	return written(sk, message);
}

/* Hook: TCP sent a buffer of segments again. Oldest kernel: 5.12. */
SEC("?tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *control = (struct tcp_skb_cb *)skb->cb;
	struct trace_direction direction = {};
	struct trace_event event = {};

	if ((tells_failure && (int)ctx[2] < 0) || !direction_of_socket(sk, &direction))
		return 0;
	event.flow = flow_of(&direction);
	if (event.flow == SONDE_TRACE_NO_FLOW)
		return 0;
	event.layer = SONDE_TRACE_RETRANSMIT;
	event.value = BPF_CORE_READ(control, tcp_gso_segs);
	event.seq = BPF_CORE_READ(control, seq);
	event.end_seq = BPF_CORE_READ(control, end_seq) - (BPF_CORE_READ(control, tcp_flags) & 1);
	event.space = space_of_socket(sk);
	send_event(&event);
	return 0;
}

/* Whether a thread runs: one that is about to sleep may be woken before it has left its CPU. */
static __always_inline bool is_on_cpu(struct task_struct *task)
{
	if (bpf_core_field_exists(task->on_cpu))
		return task->on_cpu;
	/* One CPU: the thread there is the one that runs. */
	return task->pid == (int)(__u32)bpf_get_current_pid_tgid();
}

/* Hook: a thread that slept can run. Oldest kernel: 5.16 (the field of its CPU). */
SEC("?tp_btf/sched_wakeup")
int BPF_PROG(wakeup, struct task_struct *task)
{
	__u32 thread_number = task->pid;
	struct trace_thread *thread = bpf_map_lookup_elem(&threads, &thread_number);

	if (thread && !thread->waits_since_ns && !is_on_cpu(task))
		begin_wait(thread, task->thread_info.cpu);
	return 0;
}

/*
 * Hook: a CPU goes from one thread to another. Oldest kernel: 5.14, not 5.18 (its arguments have another
 * order there).
 */
SEC("?tp_btf/sched_switch")
int BPF_PROG(switched, bool preempted, struct task_struct *before, struct task_struct *next)
{
	__u32 number = before->pid;
	struct trace_event event = {};
	struct trace_thread *thread;

	charge_rival(before);
	thread = bpf_map_lookup_elem(&threads, &number);
	if (thread) {
		/* It ran, so it did not wait, whatever was noted. */
		if (thread->waits_since_ns)
			end_wait(thread);
		/* It lost the CPU and did not give it up. */
		if (preempted || before->__state == 0)
			begin_wait(thread, bpf_get_smp_processor_id());
	}
	number = next->pid;
	thread = bpf_map_lookup_elem(&threads, &number);
	if (!thread || !thread->waits_since_ns)
		return 0;
	event.value = thread->waits_since_ns;
	end_wait(thread);
	if (bpf_ktime_get_ns() - event.value < trace_settings.shortest_wait_ns)
		return 0;
	event.flow = SONDE_TRACE_NO_FLOW;
	event.layer = SONDE_TRACE_RUN_QUEUE;
	event.thread = number;
	send_event(&event);
	return 0;
}
