#pragma once

#include <chrono>
#include <string>

#include "common/result.h"
#include "inject/fault.h"

namespace sonde::inject {

/// How strong a fault is at which time: its level, 0 to 1 of what was asked for.
class Shape {
 public:
  /// Flags as they are written.
  struct Flags {
    std::string shape = "constant";
    std::string ramp;  ///< "": the fault's whole duration
    std::string period = "20s";
    std::string on_share = "0.5";

    void add_to(CLI::App& app);
  };
  using Time = std::chrono::milliseconds;  ///< since the fault's start

  /// Errors: kInvalid, kUnsupported where a fault of such levels cannot take the shape; with flag, value and
  /// remedy.
  static Result<Shape> read(const Flags& flags, Time duration, Levels levels);

  [[nodiscard]] bool is_constant() const { return kind_ == Kind::kConstant; }
  [[nodiscard]] double level(Time since_start) const;
  /// When the level is another, or so much another that it is to be set again; never for one that stays.
  [[nodiscard]] Time next_change(Time since_start) const;
  /// When there is enough of the fault to be proven.
  [[nodiscard]] Time provable_after() const;

 private:
  enum class Kind { kConstant, kRamp, kFlapping };
  Kind kind_ = Kind::kConstant;
  Time ramp_{0};
  Time period_{0};
  Time on_{0};  ///< of each period, its first part
};

}  // namespace sonde::inject
