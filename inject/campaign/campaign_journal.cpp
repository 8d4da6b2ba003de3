#include "inject/campaign/campaign_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/file_descriptor.h"
#include "common/read_file.h"

namespace sonde::inject {
namespace {

using nlohmann::json;

constexpr size_t kLongestJournal = size_t{64} << 20;
constexpr std::string_view kFormat = "sonde-campaign-journal 1";

/// FNV-1a: says that two schedules differ, for no one who means harm.
uint64_t digest(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string header(std::string_view schedule) {
  return json{{"format", kFormat}, {"schedule", fmt::format("{:016x}", digest(schedule))}}.dump();
}

std::optional<InjectionOutcome> read_outcome(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  InjectionOutcome outcome;
  const auto number = object.find("injection");
  const auto proven = object.find("proven");
  const auto began = object.find("began_seconds");
  const auto ended = object.find("ended_seconds");
  if (number == object.end() || !number->is_number_unsigned() || proven == object.end() ||
      !proven->is_boolean() || began == object.end() || !began->is_number() || ended == object.end() ||
      !ended->is_number()) {
    return std::nullopt;
  }
  outcome.number = number->get<size_t>();
  outcome.proven = proven->get<bool>();
  outcome.began_seconds = began->get<double>();
  outcome.ended_seconds = ended->get<double>();
  if (const auto what = object.find("what"); what != object.end() && what->is_string()) {
    outcome.what = what->get<std::string>();
  }
  return outcome;
}

Result<void> write_line(const std::filesystem::path& path, int flags, const std::string& line) {
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644));
  const std::string text = line + "\n";
  if (file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(file.get()) == 0) {
    return {};
  }
  return fail(errno == EACCES || errno == EPERM ? ErrorCode::kPermission : ErrorCode::kUnavailable,
              fmt::format("--journal={}: cannot be written: {}; name a file in a folder that you may write",
                          path.string(), std::strerror(errno)));
}

}  // namespace

Result<std::vector<InjectionOutcome>> CampaignJournal::parse(std::string_view text,
                                                             std::string_view schedule) {
  const size_t first = text.find('\n');
  const json object = json::parse(text.substr(0, first), nullptr, false);
  if (!object.is_object() || object.value("format", json()) != kFormat) {
    return fail(ErrorCode::kInvalid, fmt::format("is no journal ({})", kFormat));
  }
  if (text.substr(0, first) != header(schedule)) {
    return fail(ErrorCode::kInvalid, "belongs to another campaign, or its file was changed since");
  }
  std::vector<InjectionOutcome> outcomes;
  size_t begin = first == std::string_view::npos ? text.size() : first + 1;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
    auto outcome = read_outcome(text.substr(begin, end - begin));
    if (!outcome) return fail(ErrorCode::kInvalid, fmt::format("line {} is malformed", outcomes.size() + 2));
    outcomes.push_back(std::move(*outcome));
  }
  return outcomes;
}

Result<std::vector<InjectionOutcome>> CampaignJournal::read(const std::filesystem::path& path,
                                                            std::string_view schedule) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::vector<InjectionOutcome>();
  const auto text = read_file(path, kLongestJournal);
  if (!text) return fail("--journal=" + path.string(), text.error());
  auto outcomes = parse(*text, schedule);
  if (!outcomes) {
    return fail(outcomes.error().code, fmt::format("--journal={}: {}; remove it or name another",
                                                   path.string(), outcomes.error().message));
  }
  // Half a line would be glued to the next one.
  if (!text->ends_with('\n')) std::filesystem::resize_file(path, text->rfind('\n') + 1, ignored);
  return outcomes;
}

Result<void> CampaignJournal::begin(const std::filesystem::path& path, std::string_view schedule) {
  return write_line(path, O_TRUNC, header(schedule));
}

Result<void> CampaignJournal::append(const std::filesystem::path& path, const InjectionOutcome& outcome) {
  const json line = {{"injection", outcome.number},
                     {"proven", outcome.proven},
                     {"began_seconds", outcome.began_seconds},
                     {"ended_seconds", outcome.ended_seconds},
                     {"what", outcome.what}};
  return write_line(path, O_APPEND, line.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace sonde::inject
