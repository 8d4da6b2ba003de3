#include "identity/container_cgroup.h"

#include <algorithm>
#include <array>

namespace sonde::identity {
namespace {

constexpr size_t kIdLength = 64;
constexpr size_t kUidLength = 36;           ///< 8-4-4-4-12
constexpr size_t kStaticPodUidLength = 32;  ///< kubelet's hash of the manifest

struct Prefix {
  std::string_view word;  ///< before the id in the name of a scope, or of a cgroup
  Runtime runtime;
};
constexpr std::array<Prefix, 6> kPrefixes{{{"cri-containerd-", Runtime::kContainerd},
                                           {"nerdctl-", Runtime::kContainerd},
                                           {"crio-", Runtime::kCrio},
                                           {"docker-", Runtime::kDocker},
                                           {"libpod-", Runtime::kPodman},
                                           {"libpod-payload-", Runtime::kPodman}}};  // --cgroups=split

bool is_hexadecimal(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return text.size() == kIdLength && is_hexadecimal(text);
}

/// A pod's uid with `separator` between its groups, or a static pod's; "" for anything else.
std::string read_uid(std::string_view text, char separator) {
  if (text.size() == kStaticPodUidLength && is_hexadecimal(text)) return std::string(text);
  if (text.size() != kUidLength) return "";
  std::string uid;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool at_group_end = i == 8 || i == 13 || i == 18 || i == 23;
    if (at_group_end ? text[i] != separator : !is_hexadecimal(text.substr(i, 1))) return "";
    uid += at_group_end ? '-' : text[i];
  }
  return uid;
}

/// The uid in a pod's cgroup: "pod<uid>", or "…-pod<uid with _>.slice" of the systemd driver. "" for any
/// other.
std::string pod_uid_of(std::string_view name) {
  if (name.starts_with("pod")) return read_uid(name.substr(3), '-');
  constexpr std::string_view kSlice = ".slice";
  const size_t pod = name.rfind("-pod");
  if (!name.ends_with(kSlice) || pod == std::string_view::npos) return "";
  name.remove_suffix(kSlice.size());
  return read_uid(name.substr(pod + 4), '_');
}

/// Takes the last part off a path.
std::string_view take_last(std::string_view& path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  return last;
}

/// "kubepods-….slice:cri-containerd:<id>": the systemd driver's words, taken literally by a runtime that uses
/// the cgroupfs driver.
std::optional<ContainerCgroup> read_literal(std::string_view name) {
  const size_t second = name.rfind(':');
  const size_t first = second == std::string_view::npos || second == 0 ? second : name.rfind(':', second - 1);
  if (first == std::string_view::npos || first == second || !is_id(name.substr(second + 1)))
    return std::nullopt;
  const std::string_view word = name.substr(first + 1, second - first - 1);
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.word.substr(0, prefix.word.size() - 1) != word) continue;
    return ContainerCgroup{.runtime = prefix.runtime,
                           .id = std::string(name.substr(second + 1)),
                           .pod_uid = pod_uid_of(name.substr(0, first))};
  }
  return std::nullopt;
}

}  // namespace

std::string_view runtime_word(Runtime runtime) {
  switch (runtime) {
    case Runtime::kUnknown:
      return "";
    case Runtime::kContainerd:
      return "containerd";
    case Runtime::kCrio:
      return "cri-o";
    case Runtime::kDocker:
      return "docker";
    case Runtime::kPodman:
      return "podman";
  }
  return "";
}

std::optional<ContainerCgroup> parse_container_cgroup(std::string_view path) {
  std::string_view name = take_last(path);
  if (auto literal = read_literal(name)) return literal;
  constexpr std::string_view kScope = ".scope";
  const bool scope = name.ends_with(kScope);
  if (scope) name.remove_suffix(kScope.size());
  const std::string_view parent = take_last(path);
  for (const Prefix& prefix : kPrefixes) {
    if (!name.starts_with(prefix.word) || !is_id(name.substr(prefix.word.size()))) continue;
    return ContainerCgroup{.runtime = prefix.runtime,
                           .id = std::string(name.substr(prefix.word.size())),
                           .pod_uid = pod_uid_of(parent)};
  }
  if (scope || !is_id(name)) return std::nullopt;
  return ContainerCgroup{.runtime = parent == "docker" ? Runtime::kDocker : Runtime::kUnknown,
                         .id = std::string(name),
                         .pod_uid = pod_uid_of(parent)};
}

}  // namespace sonde::identity
