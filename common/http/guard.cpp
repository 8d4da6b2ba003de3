#include "common/http/guard.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

namespace sonde::http {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// A character of a header's name or of a method (RFC 9110, 5.6.2 "token").
bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

/// A byte of a header's value: printable, blank, tab, or beyond ASCII.
bool is_value_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether a comma-separated list holds the word.
bool list_holds(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (equals_ignoring_case(trim(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// Headers that httplib would act on although nobody here wants them: it inserts the first four itself,
/// behind the client's (CVE-2025-66570), and parses ranges with a recursive regular expression. "Expect" is
/// answered by the connection, before httplib sees the request.
bool is_dropped(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kDropped = {
      "REMOTE_ADDR", "REMOTE_PORT", "LOCAL_ADDR", "LOCAL_PORT", "Range", "If-Range", "Expect", "Connection"};
  return std::any_of(kDropped.begin(), kDropped.end(),
                     [&](std::string_view dropped) { return equals_ignoring_case(name, dropped); });
}

}  // namespace

void RequestGuard::add(std::string_view bytes) {
  if (state_ == State::kRefused) return;
  buffer_.append(bytes);
  if (state_ != State::kComplete) advance();
}

void RequestGuard::advance() {
  if (buffer_.empty()) return;
  state_ = State::kReading;
  while (!in_body_ && state_ == State::kReading) {
    if (!take_line()) return;
  }
  if (state_ != State::kReading || buffer_.size() - parsed_ < content_length_) return;
  request_.body.assign(buffer_, parsed_, content_length_);
  buffer_.erase(0, parsed_ + content_length_);
  if (buffer_.empty()) buffer_.shrink_to_fit();  // an idle connection holds nothing
  state_ = State::kComplete;
}

/// Reads the next line of the head. False: it is not there yet, or it was refused.
bool RequestGuard::take_line() {
  const size_t end = buffer_.find('\n', searched_);
  const size_t so_far = std::min(end, buffer_.size()) - parsed_;
  if (so_far > limits_.line_bytes) {
    if (request_.head.empty()) {
      refuse(414, "the request line is too long");
    } else {
      refuse(431, "a header is too long");
    }
    return false;
  }
  if (parsed_ + so_far > limits_.request_bytes) {
    refuse(431, "the headers are too long");
    return false;
  }
  if (end == std::string::npos) {
    searched_ = buffer_.size();
    return false;
  }
  if (so_far == 0 || buffer_[end - 1] != '\r') {
    refuse(400, "a line of the request does not end in CR LF");
    return false;
  }
  const std::string_view line(buffer_.data() + parsed_, so_far - 1);
  parsed_ = searched_ = end + 1;
  if (request_.head.empty()) {
    read_request_line(line);
  } else if (line.empty()) {
    end_head();
  } else {
    read_header(line);
  }
  return state_ == State::kReading;
}

void RequestGuard::read_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(400, "the request line is not METHOD TARGET VERSION");
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!is_token(line.substr(0, first)) || target.empty() ||
      !std::all_of(target.begin(), target.end(), is_visible)) {
    return refuse(400, "the request line is not METHOD TARGET VERSION");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "only HTTP/1.1 and HTTP/1.0");
  http_1_0_ = version == "HTTP/1.0";
  request_.close = http_1_0_;
  request_.head.assign(line).append("\r\n");
}

void RequestGuard::read_header(std::string_view line) {
  if (++header_count_ > limits_.headers) return refuse(431, "too many headers");
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string_view name = line.substr(0, colon);
  // Also refuses continuation lines, which begin with a blank (RFC 9112, 5.2).
  if (colon == line.size() || !is_token(name)) return refuse(400, "a header is not NAME: VALUE");
  const std::string_view value = trim(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), is_value_character)) {
    return refuse(400, "a header's value holds a control character");
  }
  if (equals_ignoring_case(name, "Transfer-Encoding")) {
    return refuse(501, "no Transfer-Encoding is accepted: send the body with Content-Length");
  }
  if (equals_ignoring_case(name, "Content-Encoding")) {
    return refuse(415, "no Content-Encoding is accepted: send the body as it is");
  }
  if (equals_ignoring_case(name, "Host")) {
    if (std::exchange(has_host_, true)) return refuse(400, "more than one Host");
  } else if (equals_ignoring_case(name, "Connection")) {
    if (list_holds(value, "close")) request_.close = true;
    if (http_1_0_ && list_holds(value, "keep-alive")) request_.close = false;
  } else if (equals_ignoring_case(name, "Expect")) {
    if (!equals_ignoring_case(value, "100-continue")) return refuse(417, "only Expect: 100-continue");
    expects_continue_ = !http_1_0_;
  } else if (equals_ignoring_case(name, "Content-Length")) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), content_length_);
    if (error == std::errc::result_out_of_range) return refuse(413, "the body is too long");
    if (error != std::errc() || end != value.data() + value.size()) {
      return refuse(400, "Content-Length is not a number of bytes");
    }
    if (std::exchange(has_content_length_, true)) return refuse(400, "more than one Content-Length");
  }
  keep_header(name, value);
}

void RequestGuard::keep_header(std::string_view name, std::string_view value) {
  if (is_dropped(name) || value.empty()) return;
  request_.head.append(name).append(": ");
  for (const char c : value) {
    request_.head += c;
    // httplib decodes %XX in values (CVE-2026-45372): "%25" comes out as the '%' that the client sent.
    if (c == '%') request_.head += "25";
  }
  request_.head += "\r\n";
}

void RequestGuard::end_head() {
  if (!has_host_ && !http_1_0_) return refuse(400, "no Host");
  if (content_length_ > limits_.request_bytes - std::min(parsed_, limits_.request_bytes)) {
    return refuse(413, "the body is too long");
  }
  request_.head += "\r\n";
  in_body_ = true;
  if (content_length_ == 0 || buffer_.size() > parsed_) expects_continue_ = false;
}

bool RequestGuard::take_expects_continue() {
  return in_body_ && state_ == State::kReading && std::exchange(expects_continue_, false);
}

GuardedRequest RequestGuard::take() {
  assert(state_ == State::kComplete);
  GuardedRequest taken = std::move(request_);
  RequestGuard next(limits_);
  next.buffer_ = std::move(buffer_);
  *this = std::move(next);
  advance();
  return taken;
}

void RequestGuard::refuse(int status, std::string_view reason) {
  state_ = State::kRefused;
  refusal_ = {status, reason};
  std::string().swap(buffer_);
  request_ = {};
}

}  // namespace sonde::http
