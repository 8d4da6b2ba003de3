#include "exporter/flows/mapping/in_network_namespace.h"

#include <thread>

#include "common/network/namespace_visit.h"

namespace sonde::exporter {

Result<void> in_network_namespace(const std::string& name_or_path,
                                  const std::function<Result<void>()>& work) {
  if (name_or_path.empty()) return work();
  const auto name_space = open_network_namespace(name_or_path);
  if (!name_space) return tl::unexpected<Error>(name_space.error());
  Result<void> outcome;
  std::thread([&] {
    outcome = enter_network_namespace(name_space->get());
    if (outcome) outcome = work();
  }).join();
  return outcome;
}

}  // namespace sonde::exporter
