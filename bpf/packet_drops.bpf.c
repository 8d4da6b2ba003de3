// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Packets that the kernel dropped, per network namespace and reason.
#include "bpf/kernel_types.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "bpf/lib/counts.bpf.h"
#include "bpf/lib/pair_shares.bpf.h"
#include "bpf/packet_drops.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Whether kfree_skb names the socket that was to receive the buffer, as its fourth argument (6.11). */
const volatile bool tells_receiver = false;
/* Of enum skb_drop_reason: what is no drop, SKB_CONSUMED where the kernel has it (else it is 0, as
 * SKB_NOT_DROPPED_YET). */
const volatile __u32 consumed = 0;
/* A bit for each for which nobody misses the packet (exporter/drop_reasons.h), and for each for which nobody
 * does where TCP had taken it. */
const volatile __u64 not_missed[SONDE_DROP_REASON_WORDS] = {};
const volatile __u64 not_missed_of_tcp[SONDE_DROP_REASON_WORDS] = {};

/* As many pairs of namespace and reason as there may be cgroups; most namespaces have none or few. */
SONDE_COUNTS(struct packet_drop_counts)

/*
 * Key: an address of a pod of this node. Value: where that pod's pairs are counted, share_of() its interface.
 * Filled by user space. Full: told in the log, and drops of further addresses are in no pair.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SONDE_POD_ADDRESSES);
	__type(key, struct flow_address);
	__type(value, __u32);
} pod_addresses SEC(".maps");

/*
 * Key: whose packet was dropped on its way to whom; one of them is a pod. Bound: pairs with drops; the
 * exporter deletes those without any for long. Full, or their pod has its share: `errors`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SONDE_DROPPED_PAIRS);
	__type(key, struct dropped_pair);
	__type(value, struct dropped_packets);
} dropped_pairs SEC(".maps");

/* TCP connections of pods with drops. Full: the one without for longest goes; what is counted per pair stays.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct dropped_flow_key);
	__type(value, struct dropped_flow);
} dropped_flows SEC(".maps");

#define ADDRESS_FAMILY_UNIX 1
#define ADDRESS_FAMILY_NETLINK 16

/* Every read below is by bpf_probe_read_kernel: pointers may be NULL or, where a queue uses the field for
 * something else (skb->dev), no pointers at all. */
static __always_inline bool is_no_packet(const struct sock *sock)
{
	__u16 family = BPF_CORE_READ(sock, __sk_common.skc_family);

	return family == ADDRESS_FAMILY_UNIX || family == ADDRESS_FAMILY_NETLINK;
}

static __always_inline const struct net *net_of_device(const struct net_device *device)
{
	const struct net *net = BPF_CORE_READ(device, nd_net.net);

	/* A namespace knows its loopback device, which knows its namespace: nothing else looks like that. */
	return BPF_CORE_READ(net, loopback_dev, nd_net.net) == net ? net : NULL;
}

static __always_inline void set_ipv4(struct flow_address *address, __be32 ipv4)
{
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = ipv4;
}

/* Of no pod alone: each has a loopback of its own. */
static __always_inline bool is_loopback(const struct flow_address *address)
{
	if (address->words[0] || address->words[1])
		return false;
	if (address->words[2] == bpf_htonl(0xffff))
		return bpf_ntohl(address->words[3]) >> 24 == 127;
	return !address->words[2] && address->words[3] == bpf_htonl(1);
}

/*
 * Reads who a packet is from and for. Returns the length of its IP header where TCP's follows at once, 0
 * where not, and -1 where it is no packet of IP.
 */
static __always_inline int read_pair(const unsigned char *start, __be16 protocol, struct dropped_pair *pair)
{
	if (protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_probe_read_kernel(&ip, sizeof(ip), start) || ip.version != 4)
			return -1;
		set_ipv4(&pair->source, ip.saddr);
		set_ipv4(&pair->destination, ip.daddr);
		return ip.protocol == IPPROTO_TCP && !(ip.frag_off & bpf_htons(0x1fff)) ? ip.ihl * 4 : 0;
	}
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;

		if (bpf_probe_read_kernel(&ip, sizeof(ip), start) || ip.version != 6)
			return -1;
		__builtin_memcpy(&pair->source, &ip.saddr, sizeof(pair->source));
		__builtin_memcpy(&pair->destination, &ip.daddr, sizeof(pair->destination));
		return ip.nexthdr == IPPROTO_TCP ? (int)sizeof(ip) : 0;
	}
	return -1;
}

/* Whose places a pair takes: its sender's where that is a pod, else its receiver's. NULL: neither is. */
static __always_inline const __u32 *share_of_pair(const struct dropped_pair *pair)
{
	const __u32 *share = bpf_map_lookup_elem(&pod_addresses, &pair->source);

	return share ? share : bpf_map_lookup_elem(&pod_addresses, &pair->destination);
}

/* The entry of a pair, made if need be and its share allows. */
static __always_inline struct dropped_packets *entry_of_pair(const struct dropped_pair *pair, __u32 share)
{
	struct dropped_packets first = {.share = share};
	struct dropped_packets *known = bpf_map_lookup_elem(&dropped_pairs, pair);

	if (known || !take_share(share, SONDE_DROPPED_PAIRS))
		return known;
	if (bpf_map_update_elem(&dropped_pairs, pair, &first, BPF_NOEXIST))
		return_share(share); /* another CPU was faster, or it is full */
	return bpf_map_lookup_elem(&dropped_pairs, pair);
}

static __always_inline void count_pair(const struct dropped_pair *pair, __u32 share)
{
	struct dropped_packets *dropped = entry_of_pair(pair, share);

	if (dropped)
		__sync_fetch_and_add(&dropped->packets, 1);
	else
		count_error(SONDE_ERROR_PAIRS_FULL);
}

static __always_inline void count_connection(const struct dropped_flow_key *key, __u32 reason)
{
	__u64 now = bpf_ktime_get_ns();
	struct dropped_flow first = {.packets = 1, .last_ns = now, .reason = reason};
	struct dropped_flow *flow = bpf_map_lookup_elem(&dropped_flows, key);

	if (!flow && !bpf_map_update_elem(&dropped_flows, key, &first, BPF_NOEXIST))
		return;
	if (!flow)
		flow = bpf_map_lookup_elem(&dropped_flows, key);
	if (!flow)
		return;
	if (now - flow->last_ns >= SONDE_DROPS_REST_NS) {
		flow->earlier = flow->packets;
		flow->rested_ns = flow->last_ns;
	}
	__sync_fetch_and_add(&flow->packets, 1);
	flow->last_ns = now;
	flow->reason = reason;
}

static __always_inline bool is_among(const volatile __u64 *reasons, __u32 reason)
{
	return reason < SONDE_DROP_REASONS &&
	       reasons[reason / 64 % SONDE_DROP_REASON_WORDS] >> reason % 64 & 1;
}

/* Counts a lost packet of a pod for who sent it to whom, wherever on this machine it was. */
static __noinline int count_ends(const struct sk_buff *buffer, __u32 reason)
{
	struct dropped_flow_key key = {};
	const unsigned char *start;
	const __u32 *share;
	__be16 ports[2];
	int header;

	start = BPF_CORE_READ(buffer, head) + BPF_CORE_READ(buffer, network_header);
	header = read_pair(start, BPF_CORE_READ(buffer, protocol), &key.pair);
	if (header < 0 || is_loopback(&key.pair.destination))
		return 0;
	if (header > 0 && is_among(not_missed_of_tcp, reason) &&
	    BPF_CORE_READ(buffer, data) >= start + header)
		return 0; /* whoever frees a segment from its own header on is TCP */
	share = share_of_pair(&key.pair);
	if (!share)
		return 0;
	count_pair(&key.pair, *share);
	if (header == 0 || bpf_probe_read_kernel(ports, sizeof(ports), start + header))
		return 0;
	key.source_port = bpf_ntohs(ports[0]);
	key.destination_port = bpf_ntohs(ports[1]);
	count_connection(&key, reason);
	return 0;
}

/*
 * Hook: a buffer was freed without having been delivered. Oldest kernel: 5.17, which brought the reason.
 * Runs in any context, interrupts too. Cost: see bpf/README.md.
 */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(drop, const struct sk_buff *buffer)
{
	__u32 reason = (__u32)ctx[2];
	const struct sock *sock = NULL;
	const struct net *net = NULL;
	struct packet_drop_counts *value;
	struct cgroup_key key = {};

	if (reason == 0 || reason == consumed)
		return 0;
	if (tells_receiver)
		sock = (const void *)ctx[3];
	if (sock) /* kernels before 6.13 believe that it never is NULL, so the read has to bear it */
		net = BPF_CORE_READ(sock, __sk_common.skc_net.net);
	if (!net) {
		sock = BPF_CORE_READ(buffer, sk);
		net = BPF_CORE_READ(sock, __sk_common.skc_net.net);
	}
	if (net && is_no_packet(sock))
		return 0;
	if (!net)
		net = net_of_device(BPF_CORE_READ(buffer, dev));
	if (reason >> SONDE_DROP_SUBSYSTEM_SHIFT)
		reason = reason >> SONDE_DROP_SUBSYSTEM_SHIFT << SONDE_DROP_SUBSYSTEM_SHIFT;
	key.id = (__u64)reason << SONDE_DROP_REASON_SHIFT | BPF_CORE_READ(net, ns.inum);
	value = counts_of_slot(slot_of_key(&key));
	if (value)
		__sync_fetch_and_add(&value->packets, 1);
	if (!is_among(not_missed, reason))
		count_ends(buffer, reason);
	return 0;
}
