#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "identity/container_cgroup.h"

namespace sonde::exporter {

/// The cgroups that container runtimes made, as far as their paths tell, and which of them is the container
/// of an id.
///
/// Whoever was handed a cgroup may make others below it, and call one by the id of somebody else's container.
/// So an id is believed of one cgroup: of the first that had it, unless a later one lies in nobody's hands
/// and the first does. It stays that one's until every cgroup of the id is gone. Threads: one.
class RuntimeCgroups {
 public:
  using ByPath = std::map<std::string, identity::ContainerCgroup, std::less<>>;

  /// Takes in a cgroup; null where its path is no container's.
  const identity::ContainerCgroup* add(const std::string& path);
  /// Forgets a cgroup; returns its id where that was the last cgroup with it.
  std::optional<std::string> remove(std::string_view path);

  [[nodiscard]] const ByPath& all() const { return cgroups_; }
  /// Null where it is no container's.
  [[nodiscard]] const identity::ContainerCgroup* find(std::string_view path) const;
  /// Whether the id is believed of this one. REQUIRES: `cgroup` is that of `path` in all().
  [[nodiscard]] bool believed(std::string_view path, const identity::ContainerCgroup& cgroup) const;

 private:
  struct Id {
    std::string path;  ///< of the cgroup that it is believed of
    size_t cgroups = 0;
  };

  ByPath cgroups_;
  std::unordered_map<std::string, Id> ids_;
};

}  // namespace sonde::exporter
