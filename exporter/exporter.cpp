#include "exporter/exporter.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/metrics/build_info_metric.h"
#include "exporter/bpf_context.h"
#include "exporter/cadvisor_names.h"
#include "exporter/collector_table.h"
#include "exporter/privileges.h"
#include "exporter/process_capabilities.h"
#include "exporter/start_line.h"
#include "identity/network_namespace.h"
#include "identity/node_name.h"
#include "identity/runtime_state_files.h"

namespace sonde::exporter {
namespace {

/// Left between the collectors' deadline and the scrape's for putting the page together: this share of the
/// time that is left, and at most the latter.
constexpr int kMarginShare = 20;
constexpr std::chrono::milliseconds kLargestMargin{100};
/// Rows that linger although a scrape has had them are at most this share of --max-containers, or so many.
constexpr size_t kLingeringShare = 4;
constexpr size_t kLeastLingering = 100;
/// How long the end of the program waits for a collector.
constexpr std::chrono::seconds kPatience{2};

/// Whether other users' processes may be looked into, as their network namespaces need: by the capability, or
/// because process 1 lets itself be looked into (a container whose processes are all of this user).
bool sees_other_processes(const std::string& procfs) {
  return has_capability(CAP_SYS_PTRACE) || identity::network_namespace_of(procfs, "1").has_value();
}

/// Of all files that this process may open, three quarters are for those that collectors keep open.
std::shared_ptr<identity::FileBudget> raise_and_share_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::make_shared<identity::FileBudget>(256);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::make_shared<identity::FileBudget>(limit.rlim_cur / 4 * 3);
}

/// Who is asked for the names of containers.
std::unique_ptr<identity::ContainerNames> make_names(const Options& options) {
  auto sources = identity::make_socket_sources(options.sockets);
  if (options.state_files) {
    sources.push_back(std::make_unique<identity::RuntimeStateFiles>(options.sockets.rootfs));
  }
  return std::make_unique<identity::ContainerNames>(std::move(sources));
}

std::pair<std::multimap<std::string, std::string>::const_iterator,
          std::multimap<std::string, std::string>::const_iterator>
range_of(const http::Request& request, const std::string& parameter) {
  return request.parameters.equal_range(parameter);
}

bool names(const http::Request& request, const std::string& parameter, std::string_view name) {
  const auto [begin, end] = range_of(request, parameter);
  return std::any_of(begin, end, [&](const auto& entry) { return entry.second == name; });
}

}  // namespace

Result<std::unique_ptr<Exporter>> Exporter::create(const Options& options) {
  std::unique_ptr<Exporter> exporter(new Exporter());
  ContainerRule rule;
  if (options.cgroup_include) {
    auto matching = ContainerRule::matching(*options.cgroup_include);
    if (!matching) return tl::unexpected(matching.error());
    rule = std::move(*matching);
  }
  auto mounts = identity::read_cgroup_mounts(options.roots);
  if (!mounts) return tl::unexpected(mounts.error());
  const bool any = mounts->layout() != identity::CgroupLayout::kNone;
  exporter->capabilities_.set("cgroup", any ? CapabilityReason::kAvailable : CapabilityReason::kNoMount);
  if (any) {
    log::info("cgroups found", {{"layout", identity::cgroup_layout_word(mounts->layout())}});
  } else {
    log::warning("no cgroups are mounted, so there are no containers; does --path.cgroupfs name the host's?",
                 {{"path", options.roots.cgroupfs}});
  }

  Environment& environment = exporter->environment_;
  environment.roots = options.roots;
  environment.mounts = std::move(*mounts);
  environment.node = identity::node_name();
  environment.retention = {
      .linger = options.linger,
      .most_lingering = std::max(options.bounds.most_containers / kLingeringShare, kLeastLingering),
      .most_ended = options.bounds.most_containers};
  environment.open_files = raise_and_share_open_files();
  environment.read_failures = &exporter->read_failures_;
  environment.syscalls = options.syscalls;
  BpfOptions bpf_options;
  bpf_options.procfs = options.roots.procfs;
  bpf_options.host_row = options.host_row;
  bpf_options.max_cgroups = options.max_cgroups;
  bpf_options.retention = environment.retention;
  bpf_options.disabled_hooks = options.disabled_hooks;
  exporter->bpf_ = std::make_unique<BpfContext>(std::move(bpf_options), exporter->capabilities_);
  environment.bpf = exporter->bpf_.get();

  exporter->cadvisor_names_ = options.cadvisor_names;
  exporter->make_discovery(options, std::move(rule));
  exporter->make_flows(options);
  exporter->make_mapping(options);
  exporter->make_collectors(options);
  exporter->make_tracer(options);
  exporter->make_trigger(options);
  log_start(options, exporter->capabilities_, exporter->discovery_->state());
  return exporter;
}

void Exporter::make_discovery(const Options& options, ContainerRule rule) {
  std::unique_ptr<CgroupWatch> watch;
  if (auto events = make_bpf_cgroup_events(*bpf_)) {
    watch = make_bpf_watch(std::move(*events));
  } else if (auto inotify = make_inotify_watch()) {
    log::warning("cgroups are watched by inotify, not by the kernel's events: short-lived ones may be missed",
                 {{"reason", events.error().message}});
    watch = std::move(*inotify);
  } else {
    log::warning("cgroups are listed at each scrape, not watched", {{"reason", inotify.error().message}});
  }
  judge_network_namespaces(options);
  DiscoveryOptions discovery{
      .roots = environment_.roots, .mounts = environment_.mounts, .open_files = environment_.open_files};
  discovery.containers.rule = std::move(rule);
  discovery.containers.systemd_units = options.systemd_units;
  discovery.containers.bounds = options.bounds;
  discovery.containers.linger = options.linger;
  discovery.containers.node = environment_.node;
  discovery_ = std::make_unique<Discovery>(std::move(discovery), make_names(options), std::move(watch));
}

void Exporter::judge_network_namespaces(const Options& options) {
  constexpr const char* kFeature = "network_namespaces";
  if (!reads_network_namespaces(options)) {
    capabilities_.set(kFeature, CapabilityReason::kDisabled);
  } else if (sees_other_processes(environment_.roots.procfs)) {
    capabilities_.set(kFeature, CapabilityReason::kAvailable);
  } else {
    capabilities_.set(kFeature, CapabilityReason::kMissingCapability);
    log::warning(
        "network metrics are missing: other processes' network namespaces need root or CAP_SYS_PTRACE to be "
        "seen");
  }
}

void Exporter::make_flows(const Options& options) {
  if (!watches_flows(options)) {
    capabilities_.set("flow_rtt", CapabilityReason::kDisabled);
    return;
  }
  auto started = FlowMonitor::start(*bpf_, options.flows, containers_now());
  if (!started) {
    environment_.flows_error = started.error();
    return;  // the collector that wants them logs it
  }
  flows_ = std::move(*started);
  environment_.flows = flows_.get();
  const FlowRowsOptions rows{
      .max_rows = options.flows.max_rows, .retention = environment_.retention, .host_row = options.host_row};
  flow_accounts_ =
      std::make_unique<FlowAccounts>(*bpf_, *flows_, rows, options.flows.networks, containers_now());
  environment_.flow_accounts = flow_accounts_.get();
}

void Exporter::make_mapping(const Options& options) {
  if (!maps_flows(options)) {
    capabilities_.set("flow_mapping", CapabilityReason::kDisabled);
    return;
  }
  MappingOptions mapping = options.mapping;
  mapping.procfs = options.roots.procfs;
  mapping.network_namespace = options.flows.network_namespace;
  mapping.means = options.flows.means;
  auto started = FlowMapping::start(*bpf_, std::move(mapping));
  if (started) {
    mapping_ = std::move(*started);
    environment_.mapping = mapping_.get();
  } else {
    log::warning("flows are not mapped to the underlay's", {{"reason", started.error().message}});
  }
}

void Exporter::make_collectors(const Options& options) {
  std::vector<CollectorSet::Member> members;
  for (const CollectorEntry& entry : collector_table()) {
    if (!options.collectors.contains(entry.name)) continue;
    members.push_back({std::string(entry.name), entry.make(environment_)});
  }
  collectors_ = std::make_unique<CollectorSet>(std::move(members));
  // A first collection: what cannot work here is logged now, and the first scrape finds all files open.
  metrics::SeriesWriter unused;
  const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(5);
  collectors_->scrape(containers_now(), deadline, [](std::string_view) { return true; }, unused);
}

void Exporter::make_tracer(const Options& options) {
  if (!options.traces.on) {
    capabilities_.set("packet_trace", CapabilityReason::kDisabled);
    return;
  }
  TracerOptions tracer{.limits = options.traces.limits,
                       .procfs = options.roots.procfs,
                       .networks = options.flows.networks,
                       .containers = containers_now()};
  if (flows_) tracer.addresses = [this] { return flows_->interfaces().addresses(); };
  tracer_ = std::make_unique<Tracer>(*bpf_, std::move(tracer));
  if (const auto works = tracer_->probe(); !works) {
    log::warning("connections cannot be traced", {{"reason", works.error().message}});
  }
}

void Exporter::make_trigger(const Options& options) {
  if (!tracer_ || options.traces.triggers.empty()) return;
  Error why = environment_.flows_error;
  if (flows_) {
    auto started = TraceTrigger::start(flows_->programs(), *tracer_,
                                       {.rules = options.traces.triggers,
                                        .duration = options.traces.trigger_duration,
                                        .interval = options.traces.trigger_interval,
                                        .procfs = options.roots.procfs,
                                        .containers = containers_now(),
                                        .interfaces = [this] { return flows_->interfaces().current(); }});
    if (started) {
      trigger_ = std::move(*started);
      return;
    }
    why = started.error();
  }
  log::warning("slow connections do not begin traces", {{"reason", why.message}});
}

ContainerSource Exporter::containers_now() {
  return [this] { return discovery_->snapshot(); };
}

void Exporter::scrape(const http::Scrape& scrape, metrics::SeriesWriter& writer) {
  const auto left = scrape.deadline - SteadyClock::now();
  const SteadyTime deadline =
      scrape.deadline - std::min<SteadyClock::duration>(left / kMarginShare, kLargestMargin);
  const bool chosen = scrape.request.parameters.contains("collect[]");
  const auto wanted = [&](std::string_view name) {
    if (chosen) return names(scrape.request, "collect[]", name);
    return !names(scrape.request, "exclude[]", name);
  };
  const auto containers = collectors_->scrape(containers_now(), deadline, wanted, writer);
  if (cadvisor_names_) {
    metrics::SeriesWriter again;
    write_cadvisor_names(writer.text(), *containers, again);
    writer.append(again);
  }
  capabilities_.write(writer);
  read_failures_.write(writer);
  writer.family(kEndedUnlistedRow);
  writer.sample(static_cast<double>(*environment_.retention.ended_unlisted));
  discovery_->write(writer);
  if (flows_) flows_->interfaces().write(writer);
  if (tracer_) tracer_->write(writer);
  if (trigger_) trigger_->write(writer);
  metrics::write_program_metrics("sonde-exporter", writer);
}

std::string Exporter::refuse_because(const http::Request& request) const {
  if (request.parameters.contains("collect[]") && request.parameters.contains("exclude[]")) {
    return "collect[] and exclude[] cannot be combined";
  }
  for (const char* const parameter : {"collect[]", "exclude[]"}) {
    const auto [begin, end] = range_of(request, parameter);
    for (auto entry = begin; entry != end; ++entry) {
      if (collectors_->contains(entry->second)) continue;
      return fmt::format("{} names a collector that does not exist or is off; there are: {}", parameter,
                         collectors_->names());
    }
  }
  return "";
}

http::Response Exporter::mappings(const http::Request& request) {
  if (mapping_ == nullptr) {
    return {
        .status = 503,
        .body = "flows are not mapped here; sonde_exporter_capability{feature=\"flow_mapping\"} says why\n",
        .headers = {}};
  }
  return mapping_->page(request);
}

http::Response Exporter::flows(const http::Request& request) {
  if (flow_accounts_) {
    const auto translations = mapping_ == nullptr ? nullptr : mapping_->conntrack().now();
    return flow_accounts_->page(request, translations.get());
  }
  http::Response response;
  response.status = 503;
  response.body = "connections are not watched: " + environment_.flows_error.message + '\n';
  return response;
}

bool Exporter::stop() {
  return collectors_->stop(kPatience);
}

}  // namespace sonde::exporter
