#pragma once

#include <functional>
#include <memory>

#include "bpf/flow_rtt.h"
#include "common/result.h"
#include "exporter/flows/flow_programs.h"

struct ring_buffer;

namespace sonde::exporter {

/// Flows that became slower than their interface's threshold, as the kernel tells. Threads: one.
/// `programs` outlives it.
class FlowAlerts {
 public:
  /// Errors: the ring buffer could not be mapped.
  static Result<std::unique_ptr<FlowAlerts>> open(const FlowPrograms& programs);
  ~FlowAlerts();
  FlowAlerts(const FlowAlerts&) = delete;
  FlowAlerts& operator=(const FlowAlerts&) = delete;

  /// Calls `on_alert` for each alert that waits; returns at once if there is none. Returns how many.
  Result<int> poll(const std::function<void(const flow_alert&)>& on_alert);

  /// A descriptor that is readable while alerts wait, for epoll and poll().
  [[nodiscard]] int descriptor() const;

 private:
  FlowAlerts() = default;
  static int handle(void* self, void* data, size_t size);

  ring_buffer* ring_ = nullptr;
  const std::function<void(const flow_alert&)>* on_alert_ = nullptr;
};

}  // namespace sonde::exporter
