#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace sonde::test {

/// One sample line of the Prometheus text format.
struct Sample {
  std::string name;                           ///< with _bucket, _sum, _count where the line has them
  std::map<std::string, std::string> labels;  ///< unescaped
  double value = 0;

  /// `name{a="x",b="y"}`, labels sorted, values escaped: equal for equal series and for no others.
  [[nodiscard]] std::string series() const;
};

/// A whole /metrics page.
struct Exposition {
  std::vector<Sample> samples;               ///< in the page's order
  std::map<std::string, std::string> types;  ///< family → counter, gauge, …
  std::map<std::string, std::string> help;   ///< family → text, unescaped

  /// The samples of one name whose labels hold all of `labels`.
  [[nodiscard]] std::vector<Sample> find(std::string_view name,
                                         const std::map<std::string, std::string>& labels = {}) const;
  /// The value of the only such sample; NaN if there is none or more than one.
  [[nodiscard]] double value(std::string_view name,
                             const std::map<std::string, std::string>& labels = {}) const;
};

/// Reads text format 0.0.4 strictly: every line must be a comment, empty, or one whole sample; samples follow
/// their family's TYPE; no family begins twice; valid UTF-8 throughout. Errors: kInvalid, naming line and
/// fault.
Result<Exposition> parse_exposition(std::string_view text);

/// Series that occur more than once in the page, which `promtool check metrics` does not see. Empty = none.
std::vector<std::string> duplicate_series(const Exposition& page);

/// The same from text; an unreadable page is one "duplicate" with the fault, so that the check cannot pass on
/// it.
///
///   EXPECT_THAT(test::duplicate_series(body), IsEmpty());
std::vector<std::string> duplicate_series(std::string_view text);

}  // namespace sonde::test
