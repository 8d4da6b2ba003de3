#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exporter/container_table.h"
#include "exporter/environment.h"
#include "identity/cgroup_file.h"

namespace sonde::exporter {

/// The files of containers' cgroups as one collector reads them, kept open between scrapes. Threads: one.
class CgroupFiles {
 public:
  /// `environment` outlives it; failures are counted under the collector's name.
  CgroupFiles(const Environment& environment, std::string_view collector);

  /// The hierarchy that a container's values of a v1 controller come from: the controller's own, else v2;
  /// nothing where the container is in neither.
  static std::optional<identity::Hierarchy> hierarchy_of(const Container& container,
                                                         identity::Hierarchy controller);

  /// The content of a file, valid until the next call; nothing where the file does not exist there (a
  /// controller that is off, the other version of cgroups) or gave nothing, which is counted. `file` is a
  /// literal.
  std::optional<std::string_view> read(const Container& container, identity::Hierarchy hierarchy,
                                       std::string_view file);
  /// The same as one number.
  std::optional<uint64_t> read_number(const Container& container, identity::Hierarchy hierarchy,
                                      std::string_view file);
  /// The content of a file of any cgroup, not kept open.
  std::optional<std::string_view> read_once(std::string_view cgroup_path, identity::Hierarchy hierarchy,
                                            std::string_view file);

  /// Counts a file whose content could not be used.
  void count_malformed() { environment_->read_failures->add(collector_, ReadFailure::kMalformed); }

  /// Closes what was not read since the last call: the files of containers that are gone.
  void end_scrape();

 private:
  struct Kept {
    uint64_t cgroup_id;
    identity::Hierarchy hierarchy;
    std::string_view name;  ///< a literal: its address tells it from others
    identity::KeptFile file;
    uint64_t scrape;  ///< in which it was read last
  };
  using Files = std::vector<Kept>;

  Kept& kept_file(const Container& container, identity::Hierarchy hierarchy, uint64_t cgroup_id,
                  std::string_view file);

  const Environment* environment_;
  std::string collector_;
  std::unordered_map<uint64_t, Files> files_;  ///< by the container's life
  uint64_t last_life_ = 0;                     ///< whose files were read last
  Files* last_files_ = nullptr;
  uint64_t scrape_ = 0;
  std::string buffer_;
};

}  // namespace sonde::exporter
