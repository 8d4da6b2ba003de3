#include "exporter/ended_family.h"

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace sonde::exporter {
namespace {

using metrics::MetricRow;

constexpr std::string_view kRowLabels = "namespace,pod,container,service";
constexpr std::string_view kContainerPrefix = "sonde_container_";
constexpr std::string_view kPodPrefix = "sonde_pod_";
constexpr std::string_view kPrefix = "sonde_";

struct Family {
  std::string name;
  std::string labels;
  std::string help;
  MetricRow row{};
};

void fill(Family& family, const MetricRow& of) {
  const bool of_container = of.name.starts_with(kContainerPrefix);
  family.name = "sonde_exited_";
  family.name += of.name.substr(of_container ? kContainerPrefix.size() : kPrefix.size());
  family.labels = "namespace,service";
  family.labels += of.labels.substr(kRowLabels.size());
  family.help = "The sum of ";
  family.help += of.name;
  family.help += " over the service's containers that ended while the exporter ran.";
  family.row = {
      .name = family.name, .type = of.type, .unit = of.unit, .labels = family.labels, .help = family.help};
}

}  // namespace

bool has_ended_family(const MetricRow& family) {
  const bool of_each = family.name.starts_with(kContainerPrefix) || family.name.starts_with(kPodPrefix);
  return family.type == metrics::MetricType::kCounter && of_each && family.labels.starts_with(kRowLabels);
}

const MetricRow& ended_family(const MetricRow& family) {
  static std::mutex mutex;
  static std::map<std::string_view, Family> families;  // nodes stay where they are
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = families.try_emplace(family.name);
  if (is_new) fill(found->second, family);
  return found->second.row;
}

}  // namespace sonde::exporter
