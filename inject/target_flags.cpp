#include "inject/target_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

#include "common/help_text.h"
#include "inject/nearest_name.h"

namespace sonde::inject {
namespace {

constexpr size_t kMostListed = 10;
constexpr size_t kMostSuggested = 3;

std::string list_of(std::span<const NamedContainer> containers) {
  std::vector<std::string> words;
  for (const auto& container : containers.first(std::min(containers.size(), kMostListed))) {
    words.push_back(fmt::format("{} ({})", display_name(container.name), container.path));
  }
  if (containers.size() > kMostListed)
    words.push_back(fmt::format("{} more", containers.size() - kMostListed));
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

void TargetFlags::add_to(CLI::App& app) {
  const auto add = [&app](const char* flag, std::string& value, const char* type, const char* help) {
    return app.add_option(flag, value, help)->type_name(type);
  };
  add("--cgroup", cgroup, "PATH",
      "The container's cgroup below the hierarchies' roots, such as /shop/api-2; a full path, "
      "/sys/fs/cgroup/shop/api-2, works too");
  add("--container", container, "NAME",
      "Instead: the container of that name, as the label `container` has it");
  add("--pod", pod, "NAME", "Instead, or with --container: the container of that pod");
  add("--service", service, "NAME", "Instead: the container of that service; of several one by --replica");
  add("--namespace", name_space, "NAME", "With these: only containers of that namespace");
  add("--replica", replica, "N", "Of several that match the N-th, in the order of their names");
  add("--path.rootfs", rootfs, "FOLDER",
      "Where the host's root is mounted, below which container runtimes keep their files: they name the "
      "container")
      ->capture_default_str();
}

bool TargetFlags::by_name() const {
  return !container.empty() || !pod.empty() || !service.empty();
}

Result<void> TargetFlags::check() const {
  if (cgroup.empty() && !by_name()) {
    return fail(ErrorCode::kInvalid,
                "--cgroup is required, or --container, --pod or --service: which container the fault is for");
  }
  if (!cgroup.empty() && (by_name() || !name_space.empty() || !replica.empty())) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("--cgroup={} {}: name the container one way, by cgroup or by name", cgroup, words()));
  }
  if (!replica.empty() && !replica_number()) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("--replica={}: one container is disturbed at a time; give its number, from 1", replica));
  }
  return {};
}

std::optional<size_t> TargetFlags::replica_number() const {
  size_t number = 0;
  const char* const text_end = replica.data() + replica.size();
  const auto [end, error] = std::from_chars(replica.data(), text_end, number);
  return error == std::errc() && end == text_end && number > 0 ? std::optional(number) : std::nullopt;
}

Result<CgroupTarget> TargetFlags::resolve() const {
  std::string path = cgroup;
  std::string flag = fmt::format("--cgroup={}", cgroup);
  if (cgroup.empty()) {
    const auto containers = list_containers(rootfs);
    if (!containers) return tl::unexpected(containers.error());
    const auto chosen = choose(*containers);
    if (!chosen) return tl::unexpected(chosen.error());
    path = chosen->path;
    flag = words();
  }
  auto target = CgroupTarget::find(path);
  if (!target) return fail(flag, target.error());
  return target;
}

Result<NamedContainer> TargetFlags::choose(std::span<const NamedContainer> containers) const {
  std::vector<NamedContainer> found;
  std::ranges::copy_if(containers, std::back_inserter(found),
                       [this](const NamedContainer& c) { return matches(c.name); });
  // Cgroups without processes are left behind, or of containers yet to start.
  if (std::ranges::any_of(found, &NamedContainer::populated)) {
    std::erase_if(found, [](const NamedContainer& c) { return !c.populated; });
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: no container matches; {}", words(), nearest(containers)));
  }
  if (found.size() == 1 && replica.empty()) return found.front();
  const auto number = replica_number();
  if (!number || *number > found.size()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: {} containers match; choose one by --replica=1 to {}: {}", words(),
                            found.size(), found.size(), list_of(found)));
  }
  return found[*number - 1];
}

bool TargetFlags::matches(const identity::ContainerName& name) const {
  const auto fits = [](const std::string& wanted, const std::string& actual) {
    return wanted.empty() || wanted == actual;
  };
  return fits(name_space, name.name_space) && fits(pod, name.pod) && fits(container, name.container) &&
         fits(service, name.service);
}

/// The flags as they were given.
std::string TargetFlags::words() const {
  std::string text;
  const auto add = [&text](std::string_view flag, const std::string& value) {
    if (!value.empty()) text += fmt::format("{}{}={}", text.empty() ? "" : " ", flag, value);
  };
  add("--namespace", name_space);
  add("--pod", pod);
  add("--container", container);
  add("--service", service);
  add("--replica", replica);
  return text;
}

/// What may have been meant.
std::string TargetFlags::nearest(std::span<const NamedContainer> containers) const {
  std::set<std::pair<size_t, std::string>> near;
  const auto add = [&near](std::string_view flag, const std::string& wanted, const std::string& actual) {
    if (wanted.empty() || actual.empty()) return;
    if (is_near(wanted, actual))
      near.emplace(letters_between(wanted, actual), fmt::format("{}={}", flag, actual));
  };
  for (const auto& [path, name, populated] : containers) {
    add("--container", container, name.container);
    add("--pod", pod, name.pod);
    add("--service", service, name.service);
    if (!name_space.empty() && name_space != name.name_space) add("--namespace", name_space, name.name_space);
  }
  if (near.empty()) {
    return fmt::format("none of the {} there has a name like that; see the cgroups below /sys/fs/cgroup",
                       containers.size());
  }
  std::vector<std::string> words;
  for (const auto& [letters, word] : near) {
    if (words.size() < kMostSuggested) words.push_back(word);
  }
  return fmt::format("nearest: {}", fmt::join(words, ", "));
}

Result<TargetFlags> read_target_flags(const std::vector<std::string>& words) {
  CLI::App app;
  TargetFlags flags;
  flags.add_to(app);
  if (auto parsed = parse_words(app, words); !parsed) return tl::unexpected(parsed.error());
  if (auto good = flags.check(); !good) return tl::unexpected(good.error());
  return flags;
}

}  // namespace sonde::inject
