#include "exporter/container_rule.h"

#include <fmt/format.h>

#include <array>

namespace sonde::exporter {
namespace {

using identity::CgroupTree;

/// Whether one of the paths is this one or above it.
bool lies_in(const std::set<std::string_view>& paths, std::string_view path) {
  for (; !path.empty(); path = path.substr(0, path.rfind('/'))) {
    if (paths.contains(path)) return true;
  }
  return false;
}

}  // namespace

void ContainerRule::FreeExpression::operator()(regex_t* expression) const {
  regfree(expression);
  delete expression;
}

Result<ContainerRule> ContainerRule::matching(const std::string& expression) {
  auto compiled = std::make_unique<regex_t>();
  const int error = regcomp(compiled.get(), ("^(" + expression + ")$").c_str(), REG_EXTENDED | REG_NOSUB);
  if (error != 0) {
    std::array<char, 200> reason{};
    regerror(error, compiled.get(), reason.data(), reason.size());
    return fail(
        ErrorCode::kInvalid,
        fmt::format("--container.cgroup-include={}: {}; give a POSIX extended regular expression, such as "
                    "/shop/[^/]+",
                    expression, reason.data()));
  }
  ContainerRule rule;
  rule.expression_.reset(compiled.release());
  return rule;
}

std::vector<std::string_view> ContainerRule::choose(const CgroupTree& tree,
                                                    const CgroupPaths& populated) const {
  std::vector<std::string_view> chosen;
  if (!expression_) {
    for (const auto& [path, ids] : tree) {
      if (populated.contains(path) && !identity::has_descendants(tree, path)) chosen.push_back(path);
    }
    return chosen;
  }
  std::set<std::string_view> taken;
  for (const auto& [path, ids] : tree) {
    if (regexec(expression_.get(), path.c_str(), 0, nullptr, 0) != 0 || lies_in(taken, path)) continue;
    taken.insert(path);
    chosen.push_back(path);
  }
  return chosen;
}

}  // namespace sonde::exporter
