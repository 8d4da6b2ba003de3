#include "exporter/mapping_flags.h"

namespace sonde::exporter {

void add_mapping_flags(CLI::App& app, MappingOptions& mapping) {
  app.add_option(
         "--mapping.interfaces", mapping.interfaces,
         "Interfaces by which the node's packets leave, at which it is seen which flows of pods they "
         "carry; separated by commas. Without it: those of the default routes, else the physical ones")
      ->type_name("NAMES")
      ->delimiter(',');
  const auto add_port = [&app](const char* flag, uint16_t& port, const char* help) {
    app.add_option(flag, port, help)
        ->type_name("PORT")
        ->check(CLI::Range(uint16_t{1}, uint16_t{65'535}))
        ->capture_default_str();
  };
  add_port("--mapping.vxlan-port", mapping.vxlan_port, "UDP port of VXLAN (8472 with flannel and Cilium)");
  add_port("--mapping.geneve-port", mapping.geneve_port, "UDP port of Geneve");
  app.add_flag(
      "--mapping.user-space-tunnels", mapping.user_space_tunnels,
      "Take for a tunnel's packets also those that processes in the node's own network send, where a "
      "daemon and no device of the kernel makes the tunnel. Any container of that network can then "
      "pretend to be one");
  app.add_option("--mapping.max-flows", mapping.max_flows,
                 "Flows that the table behind /mappings has room for; the least recently used go first")
      ->type_name("COUNT")
      ->check(CLI::Range(64U, 1U << 22U))
      ->capture_default_str();
  app.add_option(
         "--mapping.max-paths", mapping.max_paths,
         "Pairs of addresses in tunnels that are timed, and as many without tunnel; those of 10 minutes' "
         "rest go, of the latter also the least recently used")
      ->type_name("COUNT")
      ->check(CLI::Range(64U, 1U << 20U))
      ->capture_default_str();
  app.add_option("--mapping.max-rows", mapping.max_rows,
                 "Of those, so many have rows of their own in /metrics; the others share that of ~other")
      ->type_name("COUNT")
      ->check(CLI::Range(size_t{1}, size_t{10'000}))
      ->capture_default_str();
}

}  // namespace sonde::exporter
