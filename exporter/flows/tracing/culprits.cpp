#include "exporter/flows/tracing/culprits.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "exporter/flows/tracing/trace_request.h"

namespace sonde::exporter {
namespace {

using identity::ContainerName;

auto key_of(const std::optional<ContainerName>& name) {
  const ContainerName& known = name ? *name : ContainerName();
  return std::tuple(known.name_space, known.pod, known.container, known.service);
}

/// Adds to the culprit of that name and text.
void add(Contention& contention, const Culprit& more) {
  const auto found = std::ranges::find_if(contention.culprits, [&](const Culprit& known) {
    return known.name == more.name && known.text == more.text;
  });
  if (found == contention.culprits.end()) {
    contention.culprits.push_back(more);
  } else {
    found->amount += more.amount;
  }
}

void rank(Contention& contention) {
  double sum = 0;
  for (const Culprit& culprit : contention.culprits) sum += culprit.amount;
  for (Culprit& culprit : contention.culprits) culprit.share = sum > 0 ? culprit.amount / sum : 0;
  std::ranges::stable_sort(contention.culprits, std::greater{}, &Culprit::amount);
}

std::vector<Contention> for_cpus(const TraceCounts& counts, const TraceNames& names) {
  constexpr double kNanosecond = 1e-9;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Contention> by_victim;
  for (const auto& [rival, ns] : counts.rivals) {
    const auto victim = names.of_cgroup(rival.victim);
    Contention& contention = by_victim[key_of(victim)];
    contention.resource = "cpu";
    contention.victim = victim;
    Culprit culprit{.amount = static_cast<double>(ns) * kNanosecond};
    if (rival.cgroup == 0) {
      // The CPU was idle: what keeps the thread from it is the quota of its cgroup.
      culprit.name = victim;
      culprit.text = "own CPU limit";
      culprit.victim = true;
    } else {
      culprit.name = names.of_cgroup(rival.cgroup);
      culprit.victim = rival.cgroup == rival.victim;
      if (!culprit.name) culprit.text = "the node";
    }
    add(contention, culprit);
  }
  std::vector<Contention> all;
  all.reserve(by_victim.size());
  for (auto& [key, contention] : by_victim) all.push_back(std::move(contention));
  return all;
}

std::vector<Contention> for_interfaces(const TraceCounts& counts, const TraceNames& names) {
  std::map<std::pair<uint32_t, uint32_t>, Contention> by_device;
  for (const auto& [source, bytes] : counts.sources) {
    Contention& contention = by_device[{source.device.space, source.device.interface}];
    contention.resource = "interface";
    contention.where =
        fmt::format("interface {} of network namespace {}", source.device.interface, source.device.space);
    Culprit culprit{.name = names.of_address(source.source), .amount = static_cast<double>(bytes)};
    if (!culprit.name) culprit.text = trace_end_text(source.source);
    for (const auto& [number, flow] : counts.flows) {
      const auto same = [&](const flow_address& address) {
        return std::ranges::equal(address.bytes, source.source.bytes);
      };
      culprit.victim = culprit.victim || same(flow.source) || same(flow.destination);
    }
    if (culprit.victim && !contention.victim) contention.victim = culprit.name;
    add(contention, culprit);
  }
  std::vector<Contention> all;
  for (auto& [device, contention] : by_device) {
    if (contention.culprits.size() > 1) all.push_back(std::move(contention));
  }
  return all;
}

}  // namespace

std::vector<Contention> find_culprits(const TraceCounts& counts, const TraceNames& names) {
  std::vector<Contention> all = for_cpus(counts, names);
  for (Contention& contention : for_interfaces(counts, names)) all.push_back(std::move(contention));
  for (Contention& contention : all) rank(contention);
  return all;
}

}  // namespace sonde::exporter
