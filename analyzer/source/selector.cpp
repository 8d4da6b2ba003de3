#include <cctype>
#include <cstdint>

#include "analyzer/source/selector.h"
#include "analyzer/source/source.h"

namespace sonde::analyzer {
namespace {

bool starts_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool continues_name(char c) {
  return starts_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

void append_utf8(std::string& out, uint32_t rune) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0 | (rune >> 6));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0 | (rune >> 12));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (rune >> 18));
    out += static_cast<char>(0x80 | ((rune >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  }
}

/// PromQL's vector selector, without offset, range or @. Escapes are those of Go's string literals.
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : text_(text) {}

  Result<Selector> parse() {
    skip_space();
    std::string name = metric_name();
    if (!name.empty()) selector_.push_back({Matcher::Kind::kEqual, "__name__", std::move(name)});
    skip_space();
    if (peek() == '{') {
      ++at_;
      if (Result<void> matchers = parse_matchers(); !matchers) return tl::unexpected(matchers.error());
    } else if (selector_.empty()) {
      return expected("a metric name or '{'");
    }
    skip_space();
    if (at_ != text_.size()) return expected("the end of the selector");
    for (const Matcher& matcher : selector_) {
      if (refuses_empty(matcher)) return std::move(selector_);
    }
    return fail(ErrorCode::kInvalid,
                "selector '" + std::string(text_) +
                    "' matches every series: give at least one matcher that does not match the empty string");
  }

 private:
  // A regular expression is judged by the server alone; here only the ones that surely match "" are refused.
  static bool refuses_empty(const Matcher& matcher) {
    switch (matcher.kind) {
      case Matcher::Kind::kEqual:
        return !matcher.value.empty();
      case Matcher::Kind::kNotEqual:
        return matcher.value.empty();
      case Matcher::Kind::kMatches:
        return !matcher.value.empty() && matcher.value != ".*";
      case Matcher::Kind::kNotMatches:
        return matcher.value.empty() || matcher.value == ".*";
    }
    return false;
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  tl::unexpected<Error> expected(std::string_view what) const {
    return fail(ErrorCode::kInvalid, "selector '" + std::string(text_) + "': expected " + std::string(what) +
                                         " at character " + std::to_string(at_ + 1));
  }

  std::string metric_name() {
    const size_t start = at_;
    if (starts_name(peek()) || peek() == ':') {
      while (continues_name(peek()) || peek() == ':') ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }

  Result<void> parse_matchers() {
    for (;;) {
      skip_space();
      if (peek() == '}') break;
      if (Result<void> matcher = parse_matcher(); !matcher) return matcher;
      skip_space();
      if (peek() == '}') break;
      if (peek() != ',') return expected("',' or '}'");
      ++at_;
    }
    ++at_;
    return {};
  }

  Result<void> parse_matcher() {
    Matcher matcher;
    const size_t start = at_;
    if (!starts_name(peek())) return expected("a label name");
    while (continues_name(peek())) ++at_;
    matcher.name = text_.substr(start, at_ - start);
    skip_space();
    const std::string_view sign = text_.substr(at_, 2);
    if (sign == "=~") {
      matcher.kind = Matcher::Kind::kMatches;
    } else if (sign == "!~") {
      matcher.kind = Matcher::Kind::kNotMatches;
    } else if (sign == "!=") {
      matcher.kind = Matcher::Kind::kNotEqual;
    } else if (!sign.empty() && sign.front() == '=') {
      matcher.kind = Matcher::Kind::kEqual;
    } else {
      return expected("=, !=, =~ or !~");
    }
    at_ += matcher.kind == Matcher::Kind::kEqual ? 1 : 2;
    skip_space();
    Result<std::string> value = parse_string();
    if (!value) return tl::unexpected(value.error());
    matcher.value = std::move(*value);
    selector_.push_back(std::move(matcher));
    return {};
  }

  Result<std::string> parse_string() {
    const char quote = peek();
    if (quote != '"' && quote != '\'' && quote != '`') return expected("a quoted value");
    ++at_;
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (quote != '`' && text_[at_] == '\n') return expected("the closing quote before the line's end");
      if (quote != '`' && text_[at_] == '\\') {
        ++at_;
        if (Result<void> escape = parse_escape(quote, value); !escape) return tl::unexpected(escape.error());
      } else {
        value += text_[at_++];
      }
    }
    if (at_ == text_.size()) return expected("the closing quote");
    ++at_;
    return value;
  }

  Result<void> parse_escape(char quote, std::string& value) {
    static constexpr std::string_view kLetters = "abfnrtv\\";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
    const char letter = peek();
    if (letter == quote) {
      value += quote;
      ++at_;
      return {};
    }
    if (const size_t found = kLetters.find(letter); letter != '\0' && found != std::string_view::npos) {
      value += kMeanings[found];
      ++at_;
      return {};
    }
    switch (letter) {
      case 'x':
        ++at_;
        return parse_code(2, 16, value);
      case 'u':
        ++at_;
        return parse_code(4, 16, value);
      case 'U':
        ++at_;
        return parse_code(8, 16, value);
      default:
        break;
    }
    if (letter >= '0' && letter <= '7') return parse_code(3, 8, value);
    return expected("an escape that Go's strings have");
  }

  Result<void> parse_code(size_t digits, uint32_t base, std::string& value) {
    uint32_t code = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      const char c = peek();
      uint32_t digit = base;
      if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
      if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
      if (digit >= base) return expected("a digit of the escape");
      code = code * base + digit;
    }
    if (digits <= 3) {  // \x41 and \101 are bytes, \u0041 is a code point
      if (code > 0xFF) return expected("an octal escape up to \\377");
      value += static_cast<char>(code);
      return {};
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return expected("a Unicode code point");
    append_utf8(value, code);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  Selector selector_;
};

void append_quoted(std::string& out, std::string_view value) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += "\\x";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 0xF];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

Result<Selector> parse_selector(std::string_view text) {
  return SelectorParser(text).parse();
}

std::string selector_text(const Selector& selector) {
  static constexpr std::string_view kSigns[] = {"=", "!=", "=~", "!~"};
  std::string out = "{";
  for (const Matcher& matcher : selector) {
    if (out.size() > 1) out += ',';
    out += matcher.name;
    out += kSigns[static_cast<size_t>(matcher.kind)];
    append_quoted(out, matcher.value);
  }
  out += '}';
  return out;
}

}  // namespace sonde::analyzer
