#include "exporter/flow_flags.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "exporter/collectors/flow_rtt.h"
#include "exporter/flows/interface_plan.h"

namespace sonde::exporter {
namespace {

/// Adds a flag whose words stand for values.
template <class Value>
void add_words(CLI::App& app, const char* flag, Value& value, const std::map<std::string, Value>& words,
               const char* type_name, const char* default_word, const char* help) {
  app.add_option_function<std::string>(
         flag, [&value, words](const std::string& word) { value = words.at(word); }, help)
      ->type_name(type_name)
      ->check(CLI::IsMember(words))
      ->default_str(default_word);
}

constexpr uint32_t kFewestFlows = 64;
constexpr uint32_t kMostFlows = 1U << 20U;
constexpr uint32_t kFewestPairs = 64;
constexpr uint32_t kMostPairs = 1U << 18U;
constexpr size_t kMostRows = 20'000;

void add_row_flags(CLI::App& app, FlowOptions& options) {
  app.add_option(
         "--flows.max-rows", options.max_rows,
         fmt::format(
             "Rows of a pod and a remote workload or network, those with the most traffic; what further "
             "ones do is summed up in the pod's row whose remote_service is ~other. A row has up to {} "
             "series",
             most_series_of_a_row()))
      ->type_name("COUNT")
      ->check(CLI::Range(size_t{1}, kMostRows))
      ->capture_default_str();
  app.add_option(
         "--flows.max-flows", options.programs.max_flows,
         "Connections that the kernel remembers at one time, of which it measures the RTT; beyond that the "
         "longest unused is forgotten. 480 bytes each")
      ->type_name("COUNT")
      ->check(CLI::Range(kFewestFlows, kMostFlows))
      ->capture_default_str();
  app.add_option(
         "--flows.max-pairs", options.programs.max_pairs,
         "Pairs of an interface and a remote address that the kernel counts apart; what further ones do is "
         "part of ~other. 1.3 kB each, and 48 bytes on each CPU")
      ->type_name("COUNT")
      ->check(CLI::Range(kFewestPairs, kMostPairs))
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--flows.networks", [&options](const std::string& text) { (void)options.networks.add(text); },
         "Names for remote addresses that are no pod's of this node: they are remote_service where the "
         "network is "
         "the smallest around the address, such as services=10.96.0.0/12,db=10.3.0.7/32. Repeat it for more")
      ->type_name("NAME=CIDR,...")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        NamedNetworks networks;
        const auto added = networks.add(text);
        return added ? std::string() : added.error().message;
      });
}

}  // namespace

void add_flow_flags(CLI::App& app, FlowOptions& options) {
  add_words<FlowAttach>(app, "--flows.attach", options.attach,
                        {{"host-ends", FlowAttach::kHostEnds},
                         {"containers", FlowAttach::kContainers},
                         {"node", FlowAttach::kNode}},
                        "host-ends|containers|node", "host-ends",
                        "Where connections are watched: at the host ends of the containers' veth pairs; at "
                        "the interfaces inside "
                        "of the containers' network namespaces, also those that are no pairs (needs "
                        "CAP_SYS_ADMIN to enter them); "
                        "or at the node's own interfaces");
  app.add_option("--flows.network-namespace", options.network_namespace,
                 "Take host ends, or the node's interfaces, from this network namespace instead of the "
                 "exporter's own: a name that `ip netns` shows, or a path with a slash. Needs CAP_SYS_ADMIN")
      ->type_name("NAME|PATH");
  app.add_option("--flows.node-interfaces", options.node_interfaces,
                 "With --flows.attach=node: a POSIX extended regular expression for the whole names of the "
                 "interfaces. Without it: the physical ones, bonds and teams")
      ->type_name("REGEX");
  add_row_flags(app, options);
  add_words<TcMeans>(app, "--flows.attach-means", options.means,
                     {{"best", TcMeans::kBest}, {"tcx", TcMeans::kTcx}, {"clsact", TcMeans::kClsact}},
                     "best|tcx|clsact", "best",
                     "How programs are held at interfaces: by tcx links (Linux 6.6), by filters in a clsact "
                     "qdisc, or by links "
                     "where the kernel has them");
}

Result<void> check_flow_options(const FlowOptions& options) {
  if (!options.node_interfaces.empty() && options.attach != FlowAttach::kNode) {
    return fail(ErrorCode::kInvalid,
                "--flows.node-interfaces: only with --flows.attach=node; other interfaces are found by their "
                "containers");
  }
  const auto planner = InterfacePlanner::create(options.attach, 0, options.node_interfaces);
  if (!planner) return tl::unexpected(planner.error());
  return {};
}

}  // namespace sonde::exporter
