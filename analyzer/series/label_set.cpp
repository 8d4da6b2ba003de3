#include "analyzer/series/label_set.h"

#include <algorithm>

namespace sonde::analyzer {
namespace {

constexpr std::string_view kMetricName = "__name__";

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

LabelSet::LabelSet(std::vector<Pair> pairs) : pairs_(std::move(pairs)) {
  sort_by_name(pairs_, [](const Pair& pair) -> const std::string& { return pair.first; });
  size_t kept = 0;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const bool last_of_its_name = i + 1 == pairs_.size() || pairs_[i + 1].first != pairs_[i].first;
    if (!last_of_its_name || pairs_[i].second.empty()) continue;
    if (kept != i) pairs_[kept] = std::move(pairs_[i]);
    ++kept;
  }
  pairs_.resize(kept);
}

std::string_view LabelSet::get(std::string_view name) const {
  for (const Pair& pair : pairs_) {
    if (pair.first == name) return pair.second;
  }
  return {};
}

std::string LabelSet::text() const {
  std::string out(get(kMetricName));
  bool first = true;
  for (const auto& [name, value] : pairs_) {
    if (name == kMetricName) continue;
    out += first ? '{' : ',';
    first = false;
    out += name;
    out += "=\"";
    append_escaped(out, value);
    out += '"';
  }
  if (!first) {
    out += '}';
  } else if (out.empty()) {
    out = "{}";
  }
  return out;
}

LabelSet LabelSet::project(std::span<const std::string> names) const {
  LabelSet kept;
  for (const Pair& pair : pairs_) {
    if (std::ranges::find(names, pair.first) != names.end()) kept.pairs_.push_back(pair);
  }
  return kept;
}

}  // namespace sonde::analyzer
