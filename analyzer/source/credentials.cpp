#include "analyzer/source/credentials.h"

#include <algorithm>
#include <array>

#include "common/read_file.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kLongestSecret = 64 * 1024;

/// A control character in a header would end it and begin another.
bool fits_header(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    std::array<unsigned char, 3> three{};
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t b = 0; b < count; ++b) three[b] = static_cast<unsigned char>(bytes[i + b]);
    const unsigned word = three[0] << 16U | three[1] << 8U | three[2];
    for (size_t d = 0; d < 4; ++d) out += d <= count ? kDigits[word >> (18 - 6 * d) & 0x3F] : '=';
  }
  return out;
}

/// `option` is the key that names the file.
Outcome<std::string> read_secret(const char* option, const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) {
    return fault(FaultKind::kUnauthorized, std::string(option) + "=" + path + ": " + text.error().message);
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty() || text->size() > kLongestSecret || !fits_header(*text)) {
    return fault(FaultKind::kUnauthorized,
                 std::string(option) + "=" + path +
                     ": a secret file holds one line of at most 64 KiB, without control characters");
  }
  return std::move(*text);
}

tl::unexpected<Error> invalid(const std::string& message) {
  return fail(ErrorCode::kInvalid, message);
}

}  // namespace

Result<void> check_auth(const SourceAuth& auth) {
  const bool basic = !auth.username.empty() || !auth.password.empty() || !auth.password_file.empty();
  const bool bearer = !auth.bearer_token.empty() || !auth.bearer_token_file.empty();
  if (basic && bearer) return invalid("bearer_token_file: set beside basic_auth; keep one of the two");
  if (basic && auth.username.empty())
    return invalid("basic_auth.username: missing beside a password; set it");
  if (!auth.password.empty() && !auth.password_file.empty()) {
    return invalid("basic_auth.password_file: set beside password; keep one of the two");
  }
  if (!auth.bearer_token.empty() && !auth.bearer_token_file.empty()) {
    return invalid("bearer_token_file: set beside bearer_token; keep one of the two");
  }
  if (auth.username.find(':') != std::string::npos) {
    return invalid("basic_auth.username=" + auth.username + ": basic auth allows no colon in it; remove it");
  }
  for (const auto& [option, value] : {std::pair{"basic_auth.username", &auth.username},
                                      {"basic_auth.password", &auth.password},
                                      {"bearer_token", &auth.bearer_token},
                                      {"tenant", &auth.tenant}}) {
    if (!fits_header(*value)) return invalid(std::string(option) + ": holds a control character; remove it");
  }
  return {};
}

Outcome<Credentials> load_credentials(const SourceAuth& auth) {
  Credentials credentials;
  std::string secret = auth.password + auth.bearer_token;  // at most one of the four is set
  const bool basic = !auth.password_file.empty();
  if (const std::string& file = basic ? auth.password_file : auth.bearer_token_file; !file.empty()) {
    Outcome<std::string> read = read_secret(basic ? "basic_auth.password_file" : "bearer_token_file", file);
    if (!read) return tl::unexpected(read.error());
    secret = std::move(*read);
  }
  if (!secret.empty()) credentials.secrets.push_back(secret);
  if (!auth.username.empty()) {
    const std::string encoded = base64(auth.username + ":" + secret);
    credentials.authorization = "Basic " + encoded;
    credentials.secrets.push_back(encoded);
  } else if (!secret.empty()) {
    credentials.authorization = "Bearer " + secret;
  }
  return credentials;
}

Result<void> check_secret_files(const SourceAuth& auth) {
  if (const auto read = load_credentials(auth); !read) return invalid(read.error().message);
  return {};
}

std::string redact(std::string text, const Credentials& credentials) {
  static constexpr std::string_view kInstead = "<secret>";
  for (const std::string& secret : credentials.secrets) {
    for (size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + kInstead.size())) {
      text.replace(at, secret.size(), kInstead);
    }
  }
  return text;
}

}  // namespace sonde::analyzer
