#include "exporter/flow_flags.h"

#include <map>
#include <string>

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
