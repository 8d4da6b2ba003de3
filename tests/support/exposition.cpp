#include "tests/support/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

namespace sonde::test {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool is_name_character(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

/// UTF-8 by its definition: decode, then check that the shortest form has that length and is a scalar value.
bool is_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t length = first < 0x80       ? 1
                          : first >> 5 == 6  ? 2
                          : first >> 4 == 14 ? 3
                          : first >> 3 == 30 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    uint32_t scalar = length == 1 ? first : first & (0x7fU >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      scalar = scalar << 6 | (next & 0x3fU);
    }
    const size_t shortest = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    if (shortest != length || scalar > 0x10ffff || (scalar >= 0xd800 && scalar < 0xe000)) return false;
    i += length;
  }
  return true;
}

/// Walks one line; every take_… returns false where the text is not what it takes.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_name(std::string& name) {
    size_t end = 0;
    while (end < rest_.size() && (end == 0 ? is_name_start(rest_[end]) : is_name_character(rest_[end])))
      ++end;
    name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return end > 0;
  }

  bool take_quoted(std::string& value) {
    value.clear();
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        value += c;
        continue;
      }
      if (rest_.empty()) return false;
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      if (escaped != '\\' && escaped != '"' && escaped != 'n') return false;
      value += escaped == 'n' ? '\n' : escaped;
    }
    return false;
  }

  bool take_labels(std::map<std::string, std::string>& labels) {
    if (!take('{')) return true;
    while (!take('}')) {
      std::string name;
      std::string value;
      if (!take_name(name) || !take('=') || !take_quoted(value)) return false;
      if (!labels.emplace(name, value).second) return false;  // a label twice
      if (!take(',') && (rest_.empty() || rest_.front() != '}')) return false;
    }
    return true;
  }

  /// The rest of the line must be one number.
  bool take_value(double& value) {
    if (rest_ == "NaN") {
      value = std::numeric_limits<double>::quiet_NaN();
      return true;
    }
    std::string_view digits = rest_;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_of("aA") != std::string_view::npos) return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// The family that a sample belongs to: the name less the endings that its type allows.
std::string family_of(const std::string& name, const std::string& current, const std::string& type) {
  if (name == current) return current;
  for (const std::string_view ending : {"_bucket", "_sum", "_count"}) {
    const bool allowed = type == "histogram" || (type == "summary" && ending != "_bucket");
    if (allowed && name == current + std::string(ending)) return current;
  }
  return name;
}

class PageReader {
 public:
  /// Returns what is wrong with the line, "" if nothing.
  std::string read(std::string_view line) {
    if (line.empty()) return "";
    if (!is_utf8(line)) return "not UTF-8";
    if (line.starts_with("# HELP ")) return read_help(line.substr(7));
    if (line.starts_with("# TYPE ")) return read_type(line.substr(7));
    if (line.starts_with('#')) return "";
    return read_sample(line);
  }
  Exposition page;

 private:
  std::string read_help(std::string_view text) {
    LineReader reader(text);
    std::string name;
    if (!reader.take_name(name) || !reader.take(' ')) return "HELP without a name";
    std::string help;
    for (size_t i = 0; i < reader.rest().size(); ++i) {
      const std::string_view rest = reader.rest().substr(i);
      const bool escape = rest.starts_with("\\n") || rest.starts_with("\\\\");
      if (rest.front() == '\\' && !escape) return "a backslash in HELP that escapes nothing";
      help += !escape ? rest[0] : rest[1] == 'n' ? '\n' : '\\';
      if (escape) ++i;
    }
    if (!page.help.emplace(name, help).second) return "HELP of " + name + " twice";
    return "";
  }

  std::string read_type(std::string_view text) {
    LineReader reader(text);
    std::string name;
    if (!reader.take_name(name) || !reader.take(' ')) return "TYPE without a name";
    static const std::set<std::string_view> kTypes = {"counter", "gauge", "histogram", "summary", "untyped"};
    if (!kTypes.contains(reader.rest())) return "TYPE of " + name + " is none of the format's";
    if (!page.types.emplace(name, reader.rest()).second) return "family " + name + " begins twice";
    current_ = name;
    return "";
  }

  std::string read_sample(std::string_view line) {
    LineReader reader(line);
    Sample sample;
    if (!reader.take_name(sample.name)) return "a sample without a name";
    if (!reader.take_labels(sample.labels)) return "labels of " + sample.name + " are malformed";
    if (!reader.take(' ') || !reader.take_value(sample.value))
      return "value of " + sample.name + " is not a number";
    if (current_.empty() || family_of(sample.name, current_, page.types[current_]) != current_) {
      return sample.name + " stands outside its family";
    }
    page.samples.push_back(std::move(sample));
    return "";
  }

  std::string current_;  // the family whose TYPE was read last
};

}  // namespace

std::string Sample::series() const {
  std::string text = name + "{";
  for (const auto& [label, content] : labels) {
    text += text.back() == '{' ? "" : ",";
    text += label + "=\"";
    for (const char c : content) {
      if (c == '\\' || c == '"') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

std::vector<Sample> Exposition::find(std::string_view name,
                                     const std::map<std::string, std::string>& labels) const {
  std::vector<Sample> found;
  for (const Sample& sample : samples) {
    const bool matches =
        sample.name == name && std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
          const auto has = sample.labels.find(wanted.first);
          return has != sample.labels.end() && has->second == wanted.second;
        });
    if (matches) found.push_back(sample);
  }
  return found;
}

double Exposition::value(std::string_view name, const std::map<std::string, std::string>& labels) const {
  const std::vector<Sample> found = find(name, labels);
  return found.size() == 1 ? found.front().value : std::numeric_limits<double>::quiet_NaN();
}

Result<Exposition> parse_exposition(std::string_view text) {
  PageReader reader;
  size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return fail(ErrorCode::kInvalid, "the last line has no line end");
    const std::string fault = reader.read(text.substr(0, end));
    if (!fault.empty()) return fail(ErrorCode::kInvalid, fmt::format("line {}: {}", line_number, fault));
    text.remove_prefix(end + 1);
  }
  return std::move(reader.page);
}

std::vector<std::string> duplicate_series(const Exposition& page) {
  std::set<std::string> seen;
  std::set<std::string> repeated;
  for (const Sample& sample : page.samples) {
    std::string series = sample.series();
    if (!seen.insert(series).second) repeated.insert(std::move(series));
  }
  return {repeated.begin(), repeated.end()};
}

std::vector<std::string> duplicate_series(std::string_view text) {
  const Result<Exposition> page = parse_exposition(text);
  if (!page) return {page.error().message};
  return duplicate_series(*page);
}

}  // namespace sonde::test
