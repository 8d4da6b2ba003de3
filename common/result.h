#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace sonde {

/// What went wrong, coarsely: decides who reacts and which counter grows; the text is for people.
enum class ErrorCode {
  kInvalid,      ///< the input is wrong and will stay wrong: configuration, flags, malformed bytes
  kNotFound,     ///< the thing named does not exist (any more)
  kUnavailable,  ///< the other side is down or refuses; may succeed later
  kTimeout,      ///< a deadline passed
  kLimit,        ///< a budget or a bound was exceeded
  kPermission,   ///< a capability or a right is missing
  kUnsupported,  ///< this kernel, server or build lacks it
};

/// A fault of the outside world (our own bugs are asserts). The message is one line: what, the value, the
/// remedy.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;
};

/// Either a T or an Error; the compiler warns where a result is dropped.
///
///   Result<int> port = parse_port(text);
///   if (!port) return tl::unexpected(port.error());   // propagate
///   use(*port);
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// Makes the error half of any Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

/// Passes the error of one Result on as another's, with context in front of its message.
inline tl::unexpected<Error> fail(std::string_view context, const Error& error) {
  return tl::unexpected<Error>(Error{error.code, std::string(context) + ": " + error.message});
}

}  // namespace sonde
