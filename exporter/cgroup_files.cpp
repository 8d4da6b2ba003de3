#include "exporter/cgroup_files.h"

#include <iterator>
#include <utility>

namespace sonde::exporter {

using identity::Hierarchy;

CgroupFiles::CgroupFiles(const Environment& environment, std::string_view collector)
    : environment_(&environment), collector_(collector) {
  environment.read_failures->declare(collector);
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
  Kept& kept = kept_file(container, hierarchy, id, file);
  kept.scrape = scrape_;
  const bool was_read = kept.file.was_read();
  const auto content = kept.file.read(buffer_);
  if (content) return *content;
  const bool missing = content.error().code == ErrorCode::kNotFound;
  if (!missing) {
    environment_->read_failures->add(collector_, ReadFailure::kUnreadable);
  } else if (was_read) {
    environment_->read_failures->add(collector_, ReadFailure::kVanished);
    last_files_->erase(last_files_->begin() + (&kept - last_files_->data()));
  }
  return std::nullopt;
}

CgroupFiles::Kept& CgroupFiles::kept_file(const Container& container, Hierarchy hierarchy, uint64_t cgroup_id,
                                          std::string_view file) {
  if (last_files_ == nullptr || last_life_ != container.life) {
    last_files_ = &files_[container.life];
    last_life_ = container.life;
  }
  for (Kept& kept : *last_files_) {
    if (kept.name.data() == file.data() && kept.hierarchy == hierarchy && kept.cgroup_id == cgroup_id)
      return kept;
  }
  std::string path = environment_->mounts.directory(hierarchy, container.path);
  path.append("/").append(file);
  return last_files_->emplace_back(Kept{
      cgroup_id, hierarchy, file, identity::KeptFile(std::move(path), *environment_->open_files), scrape_});
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
  for (auto life = files_.begin(); life != files_.end();) {
    std::erase_if(life->second, [this](const Kept& kept) { return kept.scrape != scrape_; });
    life = life->second.empty() ? files_.erase(life) : std::next(life);
  }
  last_files_ = nullptr;
  ++scrape_;
}

}  // namespace sonde::exporter
