#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sonde::analyzer {

static_assert(std::endian::native == std::endian::little,
              "learnt parameters are written as they lie in memory");

/// Lays learnt parameters out as bytes: numbers of fixed width, little-endian, lists behind their length.
class ParameterWriter {
 public:
  void number(uint64_t value) { raw(&value, sizeof(value)); }
  void real(double value) { raw(&value, sizeof(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  /// Shape: any length.
  template <class T>
  void list(const std::vector<T>& values) {
    static_assert(std::is_arithmetic_v<T>);
    number(values.size());
    raw(values.data(), values.size() * sizeof(T));
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void raw(const void* from, size_t size) { bytes_.append(static_cast<const char*>(from), size); }

  std::string bytes_;
};

/// Reads what a ParameterWriter wrote, or anything else: after the first thing that cannot be, everything
/// reads as 0 or empty and good() is false. Never takes more memory than the bytes are long.
class ParameterReader {
 public:
  /// REQUIRES: `bytes` outlives the reader.
  explicit ParameterReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t number() {
    uint64_t value = 0;
    raw(&value, sizeof(value));
    return value;
  }
  double real() {
    double value = 0;
    raw(&value, sizeof(value));
    return value;
  }
  std::string text() {
    const uint64_t size = number();
    if (size > rest_.size()) return refuse(), std::string();
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  template <class T>
  std::vector<T> list() {
    static_assert(std::is_arithmetic_v<T>);
    const uint64_t size = number();
    if (size > rest_.size() / sizeof(T)) return refuse(), std::vector<T>();
    std::vector<T> values(size);
    raw(values.data(), size * sizeof(T));
    return values;
  }

  /// Says that what was read is well laid out but makes no sense.
  void refuse() {
    good_ = false;
    rest_ = {};
  }
  [[nodiscard]] bool good() const { return good_; }
  /// Everything was read and all of it was good.
  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }
  [[nodiscard]] size_t left() const { return rest_.size(); }

 private:
  void raw(void* to, size_t size) {
    if (size > rest_.size()) return refuse();
    if (size > 0) std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace sonde::analyzer
