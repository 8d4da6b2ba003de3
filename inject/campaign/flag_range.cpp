#include "inject/campaign/flag_range.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace sonde::inject {
namespace {

struct Quantity {
  double number = 0;
  bool whole = true;  ///< written without a point
  std::string unit;
};

std::optional<Quantity> parse_quantity(std::string_view text) {
  Quantity quantity;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc() || !(quantity.number >= 0 && quantity.number <= 1e15)) return std::nullopt;
  const auto digits = static_cast<size_t>(end - text.data());
  quantity.whole = text.substr(0, digits).find_first_not_of("0123456789") == std::string_view::npos;
  quantity.unit = text.substr(digits);
  return quantity;
}

}  // namespace

FlagRange FlagRange::fixed(std::string name, std::string value) {
  FlagRange range;
  range.name_ = std::move(name);
  range.low_text_ = range.high_text_ = std::move(value);
  return range;
}

Result<FlagRange> FlagRange::between(std::string name, std::string_view low, std::string_view high) {
  const auto from = parse_quantity(low);
  const auto to = parse_quantity(high);
  if (!from || !to || from->unit != to->unit || from->number > to->number) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("[{}, {}] is no range; write two numbers with the same unit or none, the lower first, "
                    "such as [0.5, 1.5] or [20ms, 80ms]",
                    low, high));
  }
  FlagRange range;
  range.name_ = std::move(name);
  range.low_text_ = low;
  range.high_text_ = high;
  range.low_ = from->number;
  range.high_ = to->number;
  range.unit_ = from->unit;
  range.whole_ = from->whole && to->whole;
  return range;
}

std::string FlagRange::draw(SeededRandom& random) const {
  if (low_text_ == high_text_) return flag(low_text_);
  const double fraction = random.fraction();
  if (whole_) return flag(fmt::format("{:.0f}{}", std::floor(low_ + (high_ - low_ + 1) * fraction), unit_));
  return flag(fmt::format("{:.4g}{}", low_ + (high_ - low_) * fraction, unit_));
}

}  // namespace sonde::inject
