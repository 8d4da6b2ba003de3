#include "exporter/start_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

#include "common/log.h"

namespace sonde::exporter {
namespace {

constexpr std::string_view kStateFiles = "state_files";

/// What is to be said of one source; `wanted` false: an option forbids it.
std::string_view word_of(const DiscoveryState& state, std::string_view source, bool wanted) {
  if (!wanted) return "off";
  const auto found = state.name_sources.find(source);
  if (found == state.name_sources.end()) return "not_found";
  if (source == kStateFiles) return found->second ? "found" : "not_found";
  return found->second ? "up" : "no_answer";
}

}  // namespace

std::string name_sources_text(const Options& options, const DiscoveryState& state) {
  return fmt::format("cri={} docker={} podman={} state_files={} systemd={}",
                     word_of(state, "cri", options.sockets.cri != "none"),
                     word_of(state, "docker", options.sockets.docker != "none"),
                     word_of(state, "podman", options.sockets.podman != "none"),
                     word_of(state, kStateFiles, options.state_files), options.systemd_units ? "on" : "off");
}

std::string syscalls_text(const Options& options, const CapabilityTable& capabilities) {
  if (!options.collectors.contains("syscalls") || options.syscalls.mode == SyscallsMode::kOff) return "off";
  const CapabilityReason reason = capabilities.get("syscalls");
  if (reason != CapabilityReason::kAvailable) return fmt::format("off ({})", capability_reason_word(reason));
  return options.syscalls.mode == SyscallsMode::kExact ? "exact" : "sampled";
}

void log_start(const Options& options, const CapabilityTable& capabilities, const DiscoveryState& state) {
  log::info("watching containers", {{"containers", state.containers},
                                    {"names", name_sources_text(options, state)},
                                    {"syscalls", syscalls_text(options, capabilities)},
                                    {"collectors", fmt::format("{}", fmt::join(options.collectors, ","))}});
}

}  // namespace sonde::exporter
