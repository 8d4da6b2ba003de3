#include "inject/network/network_flags.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace sonde::inject {

void NetworkFlags::add_to(CLI::App& app, const std::string& asked) {
  app.add_option(
         "--interface", interface_name_,
         "The container's interface; by default that of its default route, or its only one beside loopback")
      ->type_name("NAME");
  app.add_option(
         "--probe-to", probe_address_,
         "Who answers the pings by which the effect is measured; by default the container's gateway, or a "
         "neighbour that it has spoken to")
      ->type_name("ADDRESS");
  min_effect_.add_to(app, asked);
}

Result<void> NetworkFlags::check() {
  return min_effect_.check();
}

Result<double> read_number(const std::string& flag, const std::string& text, double least, double most) {
  const auto value = parse_number(text);
  if (value && *value >= least && *value <= most) return *value;
  return fail(ErrorCode::kInvalid,
              fmt::format("{}={}: give a number from {} to {}", flag, text, least, most));
}

}  // namespace sonde::inject
