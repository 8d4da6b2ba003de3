#include "inject/campaign/campaign_metrics.h"

#include <array>

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kInjections{"sonde_campaign_injections", MetricType::kGauge, "", "",
                                "Injections that the campaign has in all."};
constexpr MetricRow kEnded{
    "sonde_campaign_injections_ended_total", MetricType::kCounter, "", "outcome",
    "Injections that are over: proven, or unproven where a fault's effect did not show."};
constexpr std::array kCampaignRows = {kInjections, kEnded};

}  // namespace

std::span<const MetricRow> campaign_metric_rows() {
  return kCampaignRows;
}

void CampaignMetrics::write(metrics::SeriesWriter& writer) const {
  writer.family(kInjections);
  writer.sample(static_cast<double>(injections_));
  writer.family(kEnded);
  writer.sample({{"outcome", "proven"}}, static_cast<double>(proven_));
  writer.sample({{"outcome", "unproven"}}, static_cast<double>(unproven_));
}

}  // namespace sonde::inject
