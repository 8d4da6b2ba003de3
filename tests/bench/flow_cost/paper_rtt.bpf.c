// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The design of Ranjitha et al. 2023 for comparison, IPv4 alone: the time of every data segment in an LRU
// hash under its connection and the number that acknowledges it; at the ACK the RTT goes into a moving
// average per connection.
#include <linux/bpf.h>
#include <stdbool.h>

#include "bpf/lib/packet.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct connection {
  __u32 local, remote;
  __u16 local_port, remote_port;
};

struct segment {
  struct connection connection;
  __u32 acknowledgement;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, struct segment);
  __type(value, __u64);
} sent SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct connection);
  __type(value, __u64); /* 8 × the average, ns */
} averages SEC(".maps");

SEC("tc")
int from_container(struct __sk_buff* skb) {
  struct segment key = {};
  struct packet packet;
  __u64 now;

  if (parse_packet(skb, &packet) != SONDE_PARSED || packet.protocol != IPPROTO_TCP || !packet.payload)
    return -1;
  key.connection.local = packet.source.words[3];
  key.connection.remote = packet.destination.words[3];
  key.connection.local_port = packet.source_port;
  key.connection.remote_port = packet.destination_port;
  key.acknowledgement = packet.sequence + packet.payload;
  now = bpf_ktime_get_ns();
  bpf_map_update_elem(&sent, &key, &now, BPF_ANY);
  return -1;
}

SEC("tc")
int to_container(struct __sk_buff* skb) {
  struct segment key = {};
  struct packet packet;
  __u64 *since, *average, rtt, first;

  if (parse_packet(skb, &packet) != SONDE_PARSED || packet.protocol != IPPROTO_TCP ||
      !(packet.tcp_flags & SONDE_TCP_ACK))
    return -1;
  key.connection.local = packet.destination.words[3];
  key.connection.remote = packet.source.words[3];
  key.connection.local_port = packet.destination_port;
  key.connection.remote_port = packet.source_port;
  key.acknowledgement = packet.acknowledgement;
  since = bpf_map_lookup_elem(&sent, &key);
  if (!since) return -1;
  rtt = bpf_ktime_get_ns() - *since;
  bpf_map_delete_elem(&sent, &key);
  average = bpf_map_lookup_elem(&averages, &key.connection);
  if (average) {
    *average += rtt - *average / 8;
  } else {
    first = rtt * 8;
    bpf_map_update_elem(&averages, &key.connection, &first, BPF_ANY);
  }
  return -1;
}
