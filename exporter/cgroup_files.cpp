#include "exporter/cgroup_files.h"

#include <functional>

namespace sonde::exporter {

using identity::Hierarchy;

CgroupFiles::CgroupFiles(const Environment& environment, std::string_view collector)
    : environment_(&environment), collector_(collector) {
  environment.read_failures->declare(collector);
}

size_t CgroupFiles::HashKey::operator()(const Key& key) const {
  const size_t cgroup = std::hash<uint64_t>()(key.cgroup_id * 8 + static_cast<uint64_t>(key.hierarchy));
  return cgroup ^ (std::hash<const char*>()(key.file.data()) << 1);
}

std::optional<Hierarchy> CgroupFiles::hierarchy_of(const Container& container, Hierarchy controller) {
  for (const Hierarchy hierarchy : {controller, Hierarchy::kUnified}) {
    if (container.cgroup_ids[static_cast<size_t>(hierarchy)] != 0) return hierarchy;
  }
  return std::nullopt;
}

std::optional<std::string_view> CgroupFiles::read(const Container& container, Hierarchy hierarchy,
                                                  std::string_view file) {
  const uint64_t id = container.cgroup_ids[static_cast<size_t>(hierarchy)];
  if (id == 0) return std::nullopt;
  const Key key{id, hierarchy, file};
  auto found = files_.find(key);
  if (found == files_.end()) {
    std::string path = environment_->mounts.directory(hierarchy, container.path);
    path.append("/").append(file);
    found = files_.emplace(key, Kept{identity::KeptFile(std::move(path), *environment_->open_files), scrape_})
                .first;
  }
  Kept& kept = found->second;
  kept.scrape = scrape_;
  const bool was_read = kept.file.was_read();
  const auto content = kept.file.read(buffer_);
  if (content) return *content;
  const bool missing = content.error().code == ErrorCode::kNotFound;
  if (!missing) {
    environment_->read_failures->add(collector_, ReadFailure::kUnreadable);
  } else if (was_read) {
    environment_->read_failures->add(collector_, ReadFailure::kVanished);
    files_.erase(found);
  }
  return std::nullopt;
}

std::optional<uint64_t> CgroupFiles::read_number(const Container& container, Hierarchy hierarchy,
                                                 std::string_view file) {
  const auto content = read(container, hierarchy, file);
  if (!content) return std::nullopt;
  const auto number = identity::parse_integer<uint64_t>(*content);
  if (!number) count_malformed();
  return number;
}

std::optional<std::string_view> CgroupFiles::read_once(std::string_view cgroup_path, Hierarchy hierarchy,
                                                       std::string_view file) {
  std::string path = environment_->mounts.directory(hierarchy, cgroup_path);
  if (path.empty()) return std::nullopt;
  path.append("/").append(file);
  identity::FileBudget none(0);
  const auto content = identity::KeptFile(std::move(path), none).read(buffer_);
  if (content) return *content;
  if (content.error().code != ErrorCode::kNotFound) {
    environment_->read_failures->add(collector_, ReadFailure::kUnreadable);
  }
  return std::nullopt;
}

void CgroupFiles::end_scrape() {
  std::erase_if(files_, [this](const auto& entry) { return entry.second.scrape != scrape_; });
  ++scrape_;
}

}  // namespace sonde::exporter
