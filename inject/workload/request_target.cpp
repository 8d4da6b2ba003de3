#include "inject/workload/request_target.h"

#include <charconv>

namespace sonde::inject {
namespace {

constexpr std::string_view kScheme = "http://";

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<RequestTarget> RequestTarget::parse(std::string_view url) {
  if (!url.starts_with(kScheme)) {
    return fail(ErrorCode::kInvalid, "write an address such as http://10.0.0.2:8080/item?id={1-500}");
  }
  url.remove_prefix(kScheme.size());
  RequestTarget target;
  const size_t slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  const std::string_view path = slash == std::string_view::npos ? "/" : url.substr(slash);
  if (authority.find('@') != std::string_view::npos) {
    return fail(ErrorCode::kInvalid, "takes no user name or password");
  }
  // A colon within brackets is a part of an IPv6 address.
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    if (!read_number(authority.substr(colon + 1), target.port_) || target.port_ == 0) {
      return fail(ErrorCode::kInvalid, "its port is no number from 1 to 65535");
    }
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) {
    authority = authority.substr(1, authority.size() - 2);
  }
  if (authority.empty()) return fail(ErrorCode::kInvalid, "has no host");
  target.host_ = authority;
  if (auto read = target.read_range(path); !read) return tl::unexpected(read.error());
  return target;
}

Result<void> RequestTarget::read_range(std::string_view path) {
  const size_t open = path.find('{');
  if (open == std::string_view::npos) {
    before_ = path;
    return {};
  }
  const size_t close = path.find('}', open);
  const size_t dash = path.find('-', open);
  if (close == std::string_view::npos || dash > close ||
      !read_number(path.substr(open + 1, dash - open - 1), from_) ||
      !read_number(path.substr(dash + 1, close - dash - 1), to_) || from_ > to_) {
    return fail(ErrorCode::kInvalid, "its range is none; write two numbers, as in {1-500}");
  }
  before_ = path.substr(0, open);
  after_ = path.substr(close + 1);
  has_range_ = true;
  if (after_.find('{') != std::string::npos) return fail(ErrorCode::kInvalid, "has more than one range");
  return {};
}

}  // namespace sonde::inject
