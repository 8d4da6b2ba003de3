#include "common/http/access/web_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "common/http/access/bcrypt.h"
#include "common/http/access/tls_words.h"
#include "common/yaml_section.h"

namespace sonde::http {
namespace {

/// The file that is read: where its relative paths begin, and where complaints go.
struct ReadConfig {
  const std::string& file;
  Complaints& complaints;
};

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; });
}

/// Either `name`, PEM text, or `name`_file, a path; both are wrong.
void read_pem(YamlSection& section, const ReadConfig& config, const std::string& name, PemSource& source) {
  const YAML::Node inline_node = section.find(name);
  const YAML::Node file_node = section.find(name + "_file");
  section.read(name, source.text);
  std::string path;
  section.read(name + "_file", path);
  if (inline_node.IsDefined() && file_node.IsDefined()) {
    config.complaints.add(file_node, section.full_key(name + "_file"),
                          fmt::format(": {} stands there too; give one of the two", name));
  } else if (inline_node.IsDefined() && inline_node.IsScalar()) {
    if (source.text.empty()) {
      config.complaints.add(inline_node, section.full_key(name), ": empty; give PEM text or remove the key");
    }
    source.place = fmt::format("{}: {}", Complaints::place(config.file, inline_node), section.full_key(name));
  } else if (file_node.IsDefined() && file_node.IsScalar()) {
    if (path.empty() || has_control_character(path)) {
      config.complaints.add(file_node, section.full_key(name + "_file"), ": give the path of a PEM file");
      return;
    }
    source.file = (std::filesystem::path(config.file).parent_path() / path).string();
    source.place = fmt::format("{}: {}={}", Complaints::place(config.file, file_node),
                               section.full_key(name + "_file"), path);
  }
}

/// OpenSSL's words for a list of Go's, in its order.
std::vector<std::string_view> read_words(YamlSection& section, const std::string& key,
                                         std::span<const TlsWord> known) {
  std::vector<std::string> names;
  section.read(key, names);
  std::vector<std::string_view> words;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(known, name, &TlsWord::go);
    if (found == known.end()) {
      std::vector<std::string_view> good;
      for (const TlsWord& word : known) good.push_back(word.go);
      section.complaints().add(section.find(key), section.full_key(key),
                               fmt::format("={}: use of {}", name, fmt::join(good, ", ")));
      return {};
    }
    words.push_back(found->openssl);
  }
  return words;
}

void read_cipher_suites(YamlSection& section, TlsSettings& tls) {
  std::vector<std::string_view> words = read_words(section, "cipher_suites", cipher_suites());
  if (words.empty()) return;
  std::erase(words, std::string_view());
  tls.cipher_list = fmt::format("{}", fmt::join(words, ":"));
  if (!words.empty()) return;
  // All of TLS 1.3: as in Go nothing is left for TLS 1.2.
  if (tls.max_version == TlsVersion::kTls12) {
    section.complaints().add(section.find("cipher_suites"), section.full_key("cipher_suites"),
                             ": only suites of TLS 1.3, and max_version is TLS12; name one of TLS 1.2 too");
  }
  tls.min_version = TlsVersion::kTls13;
}

void read_versions(YamlSection& section, TlsSettings& tls) {
  const std::vector<std::string> versions = {"TLS12", "TLS13"};
  auto least = static_cast<size_t>(tls.min_version);
  auto most = static_cast<size_t>(tls.max_version);
  section.read_word("min_version", versions, least);
  section.read_word("max_version", versions, most);
  if (least > most) {
    section.complaints().add(
        section.find("max_version"), section.full_key("max_version"),
        fmt::format("={}: below min_version={}; swap the two", versions[most], versions[least]));
  }
  tls.min_version = static_cast<TlsVersion>(least);
  tls.max_version = static_cast<TlsVersion>(most);
}

void read_client_auth(YamlSection& section, TlsSettings& tls) {
  // RequireClientCert is exporter-toolkit's older name of RequireAnyClientCert.
  const std::vector<std::string> types = {"NoClientCert",
                                          "RequestClientCert",
                                          "RequireAnyClientCert",
                                          "VerifyClientCertIfGiven",
                                          "RequireAndVerifyClientCert",
                                          "RequireClientCert"};
  size_t type = 0;
  section.read_word("client_auth_type", types, type);
  tls.client_auth = type == 5 ? ClientAuth::kRequireAny : static_cast<ClientAuth>(type);
  const bool verifies =
      tls.client_auth == ClientAuth::kVerifyIfGiven || tls.client_auth == ClientAuth::kRequireAndVerify;
  if (verifies && !tls.client_ca.given()) {
    section.complaints().add(section.find("client_auth_type"), section.full_key("client_auth_type"),
                             fmt::format("={}: nothing says who signs; add client_ca_file", types[type]));
  }
  if (!verifies && tls.client_ca.given()) {
    const std::string key = section.full_key(tls.client_ca.file.empty() ? "client_ca" : "client_ca_file");
    section.complaints().add(
        section.find(tls.client_ca.file.empty() ? "client_ca" : "client_ca_file"), key,
        fmt::format(": not used with client_auth_type={}; use RequireAndVerifyClientCert, "
                    "or remove this key",
                    types[type]));
  }

  const YAML::Node sans = section.find("client_allowed_sans");
  section.read("client_allowed_sans", tls.client_allowed_sans);
  if (!sans.IsDefined() || !sans.IsSequence()) return;
  const std::string key = section.full_key("client_allowed_sans");
  if (tls.client_allowed_sans.empty()) {
    section.complaints().add(sans, key, ": an empty list lets nobody in; name a SAN or remove the key");
  } else if (tls.client_auth != ClientAuth::kRequireAny && tls.client_auth != ClientAuth::kRequireAndVerify) {
    section.complaints().add(sans, key, ": needs client_auth_type=RequireAndVerifyClientCert");
  }
}

TlsSettings read_tls(YamlSection section, const YAML::Node& node, const ReadConfig& config) {
  TlsSettings tls;
  read_pem(section, config, "cert", tls.certificate);
  read_pem(section, config, "key", tls.key);
  read_pem(section, config, "client_ca", tls.client_ca);
  read_client_auth(section, tls);
  read_versions(section, tls);
  read_cipher_suites(section, tls);
  section.read("prefer_server_cipher_suites", tls.prefer_server_cipher_suites);
  const std::vector<std::string_view> groups = read_words(section, "curve_preferences", curves());
  tls.groups = fmt::format("{}", fmt::join(groups, ":"));
  section.close();
  for (const auto& [source, name] :
       {std::pair{&tls.certificate, "cert_file"}, std::pair{&tls.key, "key_file"}}) {
    if (source->given() || !config.complaints.empty()) continue;
    config.complaints.add(node, section.full_key(name), ": missing; TLS needs cert_file and key_file");
  }
  return tls;
}

void read_header(YamlSection& section, const std::string& name, const std::vector<std::string>& allowed,
                 std::map<std::string, std::string>& headers) {
  const YAML::Node node = section.find(name);
  std::string value;
  section.read(name, value);
  if (value.empty()) return;  // "unset if blank"
  if (has_control_character(value)) {
    section.complaints().add(node, section.full_key(name),
                             ": holds a line end or a control character; remove it");
  } else if (!allowed.empty() && std::ranges::find(allowed, value) == allowed.end()) {
    section.complaints().add(node, section.full_key(name),
                             fmt::format("={}: use {}", value, fmt::join(allowed, " or ")));
  } else {
    headers[name] = std::move(value);
  }
}

void read_http(YamlSection section, WebConfig& config) {
  bool http2 = false;
  section.read("http2", http2);
  if (http2) {
    section.complaints().add(section.find("http2"), section.full_key("http2"),
                             "=true: HTTP/2 is not offered; use false or remove the key");
  }
  YamlSection headers = section.section("headers");
  read_header(headers, "Content-Security-Policy", {}, config.headers);
  read_header(headers, "Strict-Transport-Security", {}, config.headers);
  read_header(headers, "X-Content-Type-Options", {"nosniff"}, config.headers);
  read_header(headers, "X-Frame-Options", {"deny", "sameorigin"}, config.headers);
  read_header(headers, "X-XSS-Protection", {}, config.headers);
  headers.close();
  section.close();
}

void read_users(YamlSection section, WebConfig& config) {
  section.for_rest([&](const std::string& user, const YAML::Node& hash) {
    const bool good_name = user.find(':') == std::string::npos && !has_control_character(user);
    if (!good_name) {
      section.complaints().add(hash, "basic_auth_users", ": a user's name holds ':' or a control character");
    } else if (!hash.IsScalar() || !is_bcrypt_hash(hash.Scalar())) {
      section.complaints().add(hash, section.full_key(user),
                               ": not a bcrypt hash; make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'");
    } else if (const unsigned cost = bcrypt_cost(hash.Scalar()); cost > kHighestBcryptCost) {
      section.complaints().add(
          hash, section.full_key(user),
          fmt::format(": cost {} takes too long at each check; use 10 to {}", cost, kHighestBcryptCost));
    } else {
      config.users[user] = hash.Scalar();
    }
  });
}

void read_rate_limit(YamlSection section, RateLimit& limit) {
  section.read("interval", limit.interval, std::chrono::milliseconds(0), std::chrono::hours(1));
  section.read("burst", limit.burst, 1, 1'000'000);
  section.close();
}

}  // namespace

Result<WebConfig> parse_web_config(std::string_view text, const std::string& file) {
  const Result<YAML::Node> root = load_yaml(text, file);
  if (!root) return tl::unexpected(root.error());
  WebConfig config;
  Complaints complaints(file);
  try {
    YamlSection section(*root, "", complaints);
    const ReadConfig read{file, complaints};
    const YAML::Node tls = section.find("tls_server_config");
    const bool has_tls = tls.IsDefined() && !tls.IsNull() && !(tls.IsMap() && tls.size() == 0);
    if (has_tls) config.tls = read_tls(section.section("tls_server_config"), tls, read);
    read_http(section.section("http_server_config"), config);
    read_users(section.section("basic_auth_users"), config);
    read_rate_limit(section.section("rate_limit"), config.rate_limit);
    section.close();
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kInvalid, fmt::format("{}:{}: {}", file, error.mark.line + 1, error.msg));
  }
  if (!complaints.empty()) return fail(ErrorCode::kInvalid, complaints.text());
  return config;
}

}  // namespace sonde::http
