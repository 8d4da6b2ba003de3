#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "inject/cgroup_target.h"
#include "inject/container_list.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own
class App;
}

namespace sonde::inject {

/// Which container a fault is for: its cgroup, or names that one container has, as sonde-exporter's labels.
struct TargetFlags {
  std::string cgroup;
  std::string name_space;
  std::string pod;
  std::string container;
  std::string service;
  std::string replica;       ///< "2": the second of those that match, in the order of their names
  std::string rootfs = "/";  ///< below which container runtimes keep their files

  void add_to(CLI::App& app);
  /// Whether the flags go together. Errors: kInvalid.
  [[nodiscard]] Result<void> check() const;
  /// The one container that is meant. Errors: kNotFound with the nearest names, kInvalid where several match,
  /// which are listed.
  [[nodiscard]] Result<CgroupTarget> resolve() const;
  /// Its choice among `containers`. Errors: as resolve().
  [[nodiscard]] Result<NamedContainer> choose(std::span<const NamedContainer> containers) const;

 private:
  [[nodiscard]] bool by_name() const;
  /// Nothing where it is none, or not given.
  [[nodiscard]] std::optional<size_t> replica_number() const;
  [[nodiscard]] bool matches(const identity::ContainerName& name) const;
  [[nodiscard]] std::string words() const;
  [[nodiscard]] std::string nearest(std::span<const NamedContainer> containers) const;
};

/// The flags of a command line's words, such as "--service=api", checked. Errors: kInvalid.
Result<TargetFlags> read_target_flags(const std::vector<std::string>& words);

}  // namespace sonde::inject
