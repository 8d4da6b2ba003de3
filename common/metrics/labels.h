#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::metrics {

/// Label pairs, escaped once and kept as the text that a sample line needs: `a="x",b="y"`.
///
/// Build it when the thing it names appears, not at each scrape: writing a sample then costs a copy of this
/// text.
class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

  /// Appends one pair. The value may hold anything: quotes, backslashes and newlines are escaped and bytes
  /// that are not UTF-8 become U+FFFD, so that no name can break the exposition.
  void add(std::string_view name, std::string_view value);

  /// Pairs that are written already: `a="x",b="y"`, escaped.
  static Labels written(std::string_view text);

  /// The escaped text without braces.
  [[nodiscard]] std::string_view text() const { return text_; }

  friend bool operator==(const Labels&, const Labels&) = default;

 private:
  std::string text_;
};

}  // namespace sonde::metrics
