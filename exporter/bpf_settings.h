#pragma once

#include "bpf/settings.h"
#include "exporter/bpf_context.h"

namespace sonde::exporter {

/// The read-only data that decides whose cgroups the programs count for, and how many.
inline bpf_settings settings_of(const BpfContext& context) {
  return {.task_hierarchy = static_cast<uint32_t>(context.task_hierarchy()),
          .io_hierarchy = static_cast<uint32_t>(context.io_hierarchy()),
          .max_slots = context.options().max_cgroups};
}

}  // namespace sonde::exporter
