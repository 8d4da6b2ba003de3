#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sonde::analyzer {

/// The labels of one series, __name__ included, sorted by name, no name twice, no empty value.
class LabelSet {
 public:
  using Pair = std::pair<std::string, std::string>;

  LabelSet() = default;
  /// Sorts; of a repeated name the last counts; an empty value means that the label is absent, as in
  /// Prometheus.
  explicit LabelSet(std::vector<Pair> pairs);

  /// The value of a label, "" where it is absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] const std::vector<Pair>& pairs() const { return pairs_; }
  [[nodiscard]] bool empty() const { return pairs_.empty(); }

  /// Canonical text: `name{a="x",b="y"}`, values escaped as in the exposition format. Equal sets, equal text.
  [[nodiscard]] std::string text() const;

  /// The labels named, and no others; a name that is absent stays absent.
  [[nodiscard]] LabelSet project(std::span<const std::string> names) const;

  friend bool operator==(const LabelSet&, const LabelSet&) = default;
  friend auto operator<=>(const LabelSet&, const LabelSet&) = default;

 private:
  std::vector<Pair> pairs_;
};

/// Sorts labels (or views of them) by name, equal names in the order they came in.
/// Made for what is nearly sorted already, as labels are, up to external labels appended.
/// Cost: quadratic for the worst order.
template <class Label, class Name>
void sort_by_name(std::vector<Label>& labels, Name name) {
  for (size_t i = 1; i < labels.size(); ++i) {
    for (size_t j = i; j > 0 && name(labels[j]) < name(labels[j - 1]); --j)
      std::swap(labels[j], labels[j - 1]);
  }
}

}  // namespace sonde::analyzer
