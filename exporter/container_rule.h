#pragma once

#include <regex.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "identity/cgroup_tree.h"

namespace sonde::exporter {

using CgroupPaths = std::set<std::string, std::less<>>;

/// Which cgroups are containers where no runtime says so.
class ContainerRule {
 public:
  /// The default: every cgroup that has none below it and has had a process. Without one it is a container
  /// yet to start or no container at all, such as the slices and mounts of systemd.
  ContainerRule() = default;
  /// Every cgroup whose whole path matches, also an empty one; of two that lie in each other, the upper one.
  /// `expression`: POSIX extended (its matcher's time is bounded, whatever the names of cgroups are).
  /// Errors: kInvalid with the reason.
  static Result<ContainerRule> matching(const std::string& expression);

  /// Whether it asks which cgroups have had a process.
  [[nodiscard]] bool needs_populated() const { return expression_ == nullptr; }
  /// The paths of the containers, in the tree's order. `populated`: paths of those that have had a process.
  [[nodiscard]] std::vector<std::string_view> choose(const identity::CgroupTree& tree,
                                                     const CgroupPaths& populated) const;

 private:
  struct FreeExpression {
    void operator()(regex_t* expression) const;
  };
  std::unique_ptr<regex_t, FreeExpression> expression_;  ///< null: the default
};

}  // namespace sonde::exporter
