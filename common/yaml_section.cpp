#include "common/yaml_section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "common/byte_size.h"
#include "common/duration.h"

namespace sonde {
namespace {

constexpr size_t kPlacesShown = 5;

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

Result<YAML::Node> load_yaml(std::string_view text, const std::string& file) {
  try {
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kInvalid, fmt::format("{}:{}: not YAML: {}; mind the indentation and quotes", file,
                                                 error.mark.line + 1, error.msg));
  }
}

void Complaints::add(const YAML::Node& where, const std::string& key, const std::string& text) {
  lines_.push_back(fmt::format("{}: {}{}", place(file_, where), key, text));
  const YAML::Mark mark = where.Mark();
  places_.push_back(mark.is_null() ? key : fmt::format("line {} {}", mark.line + 1, key));
}

std::string Complaints::place(const std::string& file, const YAML::Node& where) {
  const YAML::Mark mark = where.Mark();
  return mark.is_null() ? file : fmt::format("{}:{}", file, mark.line + 1);
}

std::string Complaints::text() const {
  if (lines_.empty()) return "";
  if (lines_.size() == 1) return lines_.front();
  const std::span<const std::string> others = std::span(places_).subspan(1);
  const std::span<const std::string> shown = others.first(std::min(others.size(), kPlacesShown));
  return fmt::format("{} ({} more {}: {}{})", lines_.front(), others.size(),
                     others.size() == 1 ? "error" : "errors", fmt::join(shown, ", "),
                     others.size() > shown.size() ? ", …" : "");
}

YamlSection::YamlSection(const YAML::Node& node, std::string path, Complaints& complaints)
    : path_(std::move(path)), complaints_(complaints) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (!node.IsMap()) {
    complaints_.add(node, path_, ": a map of keys is wanted here; write `key: value` lines, indented alike");
    return;
  }
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) {
      complaints_.add(pair.first, path_, ": a key must be a word");
      continue;
    }
    const std::string key = pair.first.Scalar();
    if (std::ranges::find(entries_, key, &Entry::key) != entries_.end()) {
      complaints_.add(pair.first, full_key(key), ": stands here twice; remove one of the two");
    }
    entries_.push_back({key, pair.first, pair.second, false});
  }
}

std::string YamlSection::full_key(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

YAML::Node YamlSection::find(const std::string& key) {
  known_.push_back(key);
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) return YAML::Node(YAML::NodeType::Undefined);
  found->read = true;
  return found->value;
}

std::optional<std::string> YamlSection::scalar(const std::string& key, const char* wanted) {
  const YAML::Node node = find(key);
  if (!node.IsDefined()) return std::nullopt;
  if (!node.IsScalar()) {
    complaints_.add(node, full_key(key), fmt::format(": {} is wanted here", wanted));
    return std::nullopt;
  }
  return node.Scalar();
}

void YamlSection::read(const std::string& key, std::string& value) {
  if (std::optional<std::string> text = scalar(key, "a text")) value = std::move(*text);
}

void YamlSection::read(const std::string& key, bool& value) {
  const std::optional<std::string> text = scalar(key, "true or false");
  if (!text) return;
  if (*text == "true") {
    value = true;
  } else if (*text == "false") {
    value = false;
  } else {
    complaints_.add(find(key), full_key(key), fmt::format("={}: use true or false", *text));
  }
}

void YamlSection::read(const std::string& key, double& value, double low, double high) {
  const std::optional<std::string> text = scalar(key, "a number");
  if (!text) return;
  const std::optional<double> parsed = number<double>(*text);
  if (!parsed || !std::isfinite(*parsed) || *parsed < low || *parsed > high) {
    complaints_.add(find(key), full_key(key),
                    fmt::format("={}: use a number from {:g} to {:g}", *text, low, high));
    return;
  }
  value = *parsed;
}

void YamlSection::read(const std::string& key, uint64_t& value, uint64_t low, uint64_t high) {
  const std::optional<std::string> text = scalar(key, "a whole number");
  if (!text) return;
  const std::optional<uint64_t> parsed = number<uint64_t>(*text);
  if (!parsed || *parsed < low || *parsed > high) {
    complaints_.add(find(key), full_key(key),
                    fmt::format("={}: use a whole number from {} to {}", *text, low, high));
    return;
  }
  value = *parsed;
}

void YamlSection::read(const std::string& key, std::chrono::milliseconds& value,
                       std::chrono::milliseconds low, std::chrono::milliseconds high) {
  const std::optional<std::string> text = scalar(key, "a duration");
  if (!text) return;
  const std::optional<std::chrono::milliseconds> parsed = parse_duration(*text);
  if (!parsed || *parsed < low || *parsed > high) {
    complaints_.add(find(key), full_key(key),
                    fmt::format("={}: use a duration from {} to {}, such as 500ms, 15s or 1m30s", *text,
                                duration_text(low), duration_text(high)));
    return;
  }
  value = *parsed;
}

void YamlSection::read_bytes(const std::string& key, uint64_t& value, uint64_t low, uint64_t high) {
  const std::optional<std::string> text = scalar(key, "a size");
  if (!text) return;
  const std::optional<uint64_t> parsed = parse_bytes(*text);
  if (!parsed || *parsed < low || *parsed > high) {
    complaints_.add(find(key), full_key(key),
                    fmt::format("={}: use {} to {} bytes, such as 512KiB or 64MiB", *text, low, high));
    return;
  }
  value = *parsed;
}

void YamlSection::read_word(const std::string& key, const std::vector<std::string>& words, size_t& index) {
  const std::optional<std::string> text = scalar(key, "a word");
  if (!text) return;
  const auto found = std::ranges::find(words, *text);
  if (found == words.end()) {
    complaints_.add(find(key), full_key(key),
                    fmt::format("={}: use one of {}", *text, fmt::join(words, ", ")));
    return;
  }
  index = static_cast<size_t>(found - words.begin());
}

void YamlSection::read(const std::string& key, std::vector<std::string>& value) {
  const YAML::Node node = find(key);
  if (!node.IsDefined()) return;
  if (!node.IsSequence()) {
    complaints_.add(node, full_key(key), ": a list is wanted here, such as [a, b]");
    return;
  }
  value.clear();
  for (const YAML::Node& element : node) {
    if (!element.IsScalar()) {
      complaints_.add(element, full_key(key), ": the list's elements must be words");
      return;
    }
    value.push_back(element.Scalar());
  }
}

YamlSection YamlSection::section(const std::string& key) {
  return {find(key), full_key(key), complaints_};
}

void YamlSection::for_rest(const std::function<void(const std::string&, const YAML::Node&)>& take) {
  for (Entry& entry : entries_) {
    if (entry.read) continue;
    entry.read = true;
    take(entry.key, entry.value);
  }
}

void YamlSection::close() {
  std::ranges::sort(known_);
  const auto repeated = std::ranges::unique(known_);
  known_.erase(repeated.begin(), repeated.end());
  for (const Entry& entry : entries_) {
    if (entry.read) continue;
    complaints_.add(entry.key_node, full_key(entry.key),
                    fmt::format(": unknown key; remove it or use one of {}", fmt::join(known_, ", ")));
  }
}

}  // namespace sonde
