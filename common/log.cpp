#include "common/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "common/utf8.h"

namespace sonde::log {
namespace {

std::atomic<bool> json_format{false};

spdlog::logger& logger() {
  static const auto kInstance = [] {
    auto made = std::make_shared<spdlog::logger>("sonde", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *kInstance;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view level_word(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "error";
}

/// A quoted string that is valid in logfmt and in JSON: control characters and quotes escaped, and U+FFFD for
/// bytes that are not UTF-8.
void append_quoted(fmt::memory_buffer& line, std::string_view text) {
  line.push_back('"');
  while (!text.empty()) {
    const size_t length = utf8_sequence_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (length == 0) {
      line.append(kReplacementCharacter);
    } else if (byte == '"' || byte == '\\') {
      line.push_back('\\');
      line.push_back(text.front());
    } else if (byte == '\n') {
      line.append(std::string_view("\\n"));
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", byte);
    } else {
      line.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  line.push_back('"');
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || c == '"' || c == '=' || c == '\\' || byte >= 0x7f) return true;
  }
  return false;
}

void append_field(fmt::memory_buffer& line, bool json, std::string_view key, std::string_view value) {
  if (json) {
    line.append(std::string_view(line.size() == 0 ? "{" : ","));
    append_quoted(line, key);
    line.push_back(':');
    append_quoted(line, value);
    return;
  }
  if (line.size() != 0) line.push_back(' ');
  line.append(key);
  line.push_back('=');
  if (needs_quotes(value)) {
    append_quoted(line, value);
  } else {
    line.append(value);
  }
}

std::string timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

}  // namespace

Result<void> configure(std::string_view level, std::string_view format) {
  if (level == "debug") {
    logger().set_level(spdlog::level::debug);
  } else if (level == "info") {
    logger().set_level(spdlog::level::info);
  } else if (level == "warn") {
    logger().set_level(spdlog::level::warn);
  } else if (level == "error") {
    logger().set_level(spdlog::level::err);
  } else {
    return fail(ErrorCode::kInvalid,
                fmt::format("--log.level={}: use one of debug, info, warn, error", level));
  }
  if (format != "logfmt" && format != "json") {
    return fail(ErrorCode::kInvalid, fmt::format("--log.format={}: use one of logfmt, json", format));
  }
  json_format = format == "json";
  return {};
}

void write(Level level, std::string_view sentence, std::initializer_list<Field> fields) {
  if (!logger().should_log(spdlog_level(level))) return;
  fmt::memory_buffer line;
  const bool json = json_format;
  append_field(line, json, "ts", timestamp());
  append_field(line, json, "level", level_word(level));
  append_field(line, json, "msg", sentence);
  for (const Field& field : fields) append_field(line, json, field.key, field.value);
  if (json) line.push_back('}');
  logger().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace sonde::log
