#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "common/result.h"

namespace sonde::log {

/// Who acts on a line: error = someone must; warning = degraded but serving; info = life cycle; debug =
/// developers.
enum class Level { kDebug, kInfo, kWarning, kError };

/// One `key=value` of a line. Values are escaped by the formatter, so they may hold anything.
struct Field {
  Field(std::string_view field_key, std::string_view field_value) : key(field_key), value(field_value) {}
  template <class T>
  Field(std::string_view field_key, const T& field_value)
      : key(field_key), value(fmt::to_string(field_value)) {}

  std::string_view key;
  std::string value;
};

/// Sets level (debug, info, warn, error) and format (logfmt, json) of the process's log, which goes to
/// stderr. Errors: kInvalid for a word that is neither, naming the words allowed.
Result<void> configure(std::string_view level, std::string_view format);

/// Writes one line: a constant sentence and its fields. Threads: safe.
void write(Level level, std::string_view sentence, std::initializer_list<Field> fields = {});

inline void debug(std::string_view sentence, std::initializer_list<Field> fields = {}) {
  write(Level::kDebug, sentence, fields);
}
inline void info(std::string_view sentence, std::initializer_list<Field> fields = {}) {
  write(Level::kInfo, sentence, fields);
}
inline void warning(std::string_view sentence, std::initializer_list<Field> fields = {}) {
  write(Level::kWarning, sentence, fields);
}
inline void error(std::string_view sentence, std::initializer_list<Field> fields = {}) {
  write(Level::kError, sentence, fields);
}

}  // namespace sonde::log
