#include "exporter/flows/flow_alerts.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace sonde::exporter {

Result<std::unique_ptr<FlowAlerts>> FlowAlerts::open(const FlowPrograms& programs) {
  std::unique_ptr<FlowAlerts> alerts(new FlowAlerts);
  alerts->ring_ = ring_buffer__new(programs.map("alerts"), &FlowAlerts::handle, alerts.get(), nullptr);
  if (alerts->ring_ == nullptr) {
    return fail(ErrorCode::kUnavailable, std::string("alerts of flows: ") + std::strerror(errno));
  }
  return alerts;
}

FlowAlerts::~FlowAlerts() {
  ring_buffer__free(ring_);
}

int FlowAlerts::handle(void* self, void* data, size_t size) {
  if (size < sizeof(flow_alert)) return 0;
  (*static_cast<FlowAlerts*>(self)->on_alert_)(*static_cast<const flow_alert*>(data));
  return 0;
}

Result<int> FlowAlerts::poll(const std::function<void(const flow_alert&)>& on_alert) {
  on_alert_ = &on_alert;
  const int handled = ring_buffer__consume(ring_);
  on_alert_ = nullptr;
  if (handled < 0) {
    return fail(ErrorCode::kUnavailable, std::string("reading alerts of flows: ") + std::strerror(-handled));
  }
  return handled;
}

int FlowAlerts::descriptor() const {
  return ring_buffer__epoll_fd(ring_);
}

}  // namespace sonde::exporter
