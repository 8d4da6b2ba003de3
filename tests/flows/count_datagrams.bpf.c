// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Counts UDP datagrams to port 9999 by interface, so that a test knows which program saw which of them.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Index of the interface to datagrams. */
#define COUNTS(map_name)             \
  struct {                           \
    __uint(type, BPF_MAP_TYPE_HASH); \
    __uint(max_entries, 4096);       \
    __type(key, __u32);              \
    __type(value, __u64);            \
  } map_name SEC(".maps")
COUNTS(sent);
COUNTS(received);

static __always_inline int count(struct __sk_buff* buffer, void* map) {
  const __u32 interface = buffer->ifindex;
  const __u64 one = 1;
  __u64* known;
  __be16 port = 0;
  __u8 protocol = 0;

  bpf_skb_load_bytes(buffer, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, sizeof(protocol));
  bpf_skb_load_bytes(buffer, ETH_HLEN + sizeof(struct iphdr) + offsetof(struct udphdr, dest), &port,
                     sizeof(port));
  if (buffer->protocol != bpf_htons(ETH_P_IP) || protocol != IPPROTO_UDP || port != bpf_htons(9999))
    return TC_ACT_UNSPEC;
  known = bpf_map_lookup_elem(map, &interface);
  if (known)
    __sync_fetch_and_add(known, 1);
  else
    bpf_map_update_elem(map, &interface, &one, BPF_ANY);
  return TC_ACT_UNSPEC;
}

SEC("tc")
int from_container(struct __sk_buff* buffer) {
  return count(buffer, &sent);
}

SEC("tc")
int to_container(struct __sk_buff* buffer) {
  return count(buffer, &received);
}
