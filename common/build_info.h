#pragma once

#include <string>
#include <string_view>

namespace sonde {

/// What this binary was built from; `sonde_build_info` and `--version` show it.
struct BuildInfo {
  std::string_view version;   ///< of the project, semantic versioning
  std::string_view revision;  ///< git commit, or "unknown" outside a checkout
  std::string_view branch;
  std::string_view compiler;
};

const BuildInfo& build_info();

/// The text of `--version`, in the form of Prometheus's own programs.
std::string version_text(std::string_view program);

}  // namespace sonde
