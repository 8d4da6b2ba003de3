#pragma once

#include "bpf/flow_rtt.h"

/// bpf/lib/probes.bpf.h as a library of this machine. What another CPU does at the worst moment is done by
/// `host_meanwhile`: it is called, once, right before the next compare-and-swap.
extern "C" {
extern void (*host_meanwhile)();
void host_arm(flow_probe* probe, __u32 target, __u64 now);
void host_disarm(flow_probe* probe, __u32 sequence, __u64 end);
__u64 host_take_probe(flow_probe* probe, const flow_direction* sender, __u32 acknowledgement);
}
