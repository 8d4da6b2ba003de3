#include "analyzer/series/identity_labels.h"

#include <algorithm>

namespace sonde::analyzer {
namespace {

constexpr std::string_view kExported = "exported_";

bool is_identity(std::string_view name) {
  return std::ranges::find(kIdentityLabels, name) != std::end(kIdentityLabels);
}
bool is_exported_identity(std::string_view name) {
  return name.starts_with(kExported) && is_identity(name.substr(kExported.size()));
}

}  // namespace

LabelSet normalise_identity(const LabelSet& labels) {
  if (std::ranges::none_of(labels.pairs(),
                           [](const auto& pair) { return is_exported_identity(pair.first); })) {
    return labels;
  }
  std::vector<LabelSet::Pair> pairs;
  for (const auto& [name, value] : labels.pairs()) {
    if (is_exported_identity(name)) {
      pairs.emplace_back(name.substr(kExported.size()), value);
    } else if (!is_identity(name)) {
      pairs.emplace_back(name, value);
    }
  }
  return LabelSet(std::move(pairs));
}

}  // namespace sonde::analyzer
