#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "inject/campaign/seeded_random.h"

namespace sonde::inject {

/// A fault's flag in a campaign: one value, or two ends of a range that each injection draws from.
class FlagRange {
 public:
  /// A value as it is, of whatever kind.
  static FlagRange fixed(std::string name, std::string value);
  /// Two numbers with the same unit behind them or none, such as 20ms and 80ms. Errors: kInvalid, one line
  /// with the remedy.
  static Result<FlagRange> between(std::string name, std::string_view low, std::string_view high);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// "--name=value", drawn evenly from the range: a whole number where both ends are written as whole
  /// numbers, else rounded to four digits.
  [[nodiscard]] std::string draw(SeededRandom& random) const;
  /// The flag at the range's two ends.
  [[nodiscard]] std::string low() const { return flag(low_text_); }
  [[nodiscard]] std::string high() const { return flag(high_text_); }
  /// The lower end of a range as a number; 0 of a fixed value.
  [[nodiscard]] double lowest() const { return low_; }

 private:
  [[nodiscard]] std::string flag(const std::string& value) const { return "--" + name_ + "=" + value; }

  std::string name_;
  std::string low_text_;
  std::string high_text_;
  double low_ = 0;
  double high_ = 0;
  std::string unit_;
  bool whole_ = false;
};

}  // namespace sonde::inject
