#include <linux/types.h>
#include <stddef.h>

void (*host_meanwhile)(void);

static void let_another_cpu_run(void) {
  void (*work)(void) = host_meanwhile;

  host_meanwhile = NULL;
  if (work) work();
}

#define __sync_val_compare_and_swap(address, expected, value)                                   \
  ({                                                                                            \
    __u64 found = (expected);                                                                   \
    let_another_cpu_run();                                                                      \
    __atomic_compare_exchange_n(address, &found, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    found;                                                                                      \
  })

#include "bpf/lib/probes.bpf.h"

void host_arm(struct flow_probe* probe, __u32 target, __u64 now);
void host_disarm(struct flow_probe* probe, __u32 sequence, __u64 end);
__u64 host_take_probe(struct flow_probe* probe, const struct flow_direction* sender, __u32 acknowledgement);

void host_arm(struct flow_probe* probe, __u32 target, __u64 now) {
  arm(probe, target, false, now);
}

void host_disarm(struct flow_probe* probe, __u32 sequence, __u64 end) {
  disarm(probe, sequence, end);
}

__u64 host_take_probe(struct flow_probe* probe, const struct flow_direction* sender, __u32 acknowledgement) {
  return take_probe(probe, sender, acknowledgement);
}
