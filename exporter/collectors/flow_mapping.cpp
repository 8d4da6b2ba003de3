#include "exporter/collectors/flow_mapping.h"

namespace sonde::exporter {
namespace {

class FlowMappingCollector final : public Collector {
 public:
  explicit FlowMappingCollector(FlowMapping* mapping) : mapping_(mapping) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (mapping_ == nullptr) {
      return fail(ErrorCode::kUnsupported, "flows are not mapped; the log of the start says why");
    }
    if (auto updated = mapping_->update(context.containers, SteadyClock::now()); !updated) return updated;
    mapping_->write(writer);
    return {};
  }

 private:
  FlowMapping* mapping_;
};

}  // namespace

std::unique_ptr<Collector> make_flow_mapping_collector(FlowMapping* mapping) {
  return std::make_unique<FlowMappingCollector>(mapping);
}

std::span<const metrics::MetricRow> flow_mapping_metrics() {
  return FlowMapping::metrics();
}

}  // namespace sonde::exporter
