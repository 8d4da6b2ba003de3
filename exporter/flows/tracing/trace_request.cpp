#include "exporter/flows/tracing/trace_request.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace sonde::exporter {
namespace {

using nlohmann::json;

/// An error shows no more of a value.
constexpr size_t kLongestQuote = 60;
constexpr size_t kLongestBody = 4096;
constexpr int kDeepestNesting = 4;
constexpr std::array<uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string quote_text(std::string_view text) {
  std::string quoted;
  for (const char c : text.substr(0, kLongestQuote)) quoted += c >= ' ' && c < 0x7f ? c : '?';
  return '"' + quoted + (text.size() > kLongestQuote ? "\"…" : "\"");
}

std::string quote(const json& value) {
  if (value.is_string()) return quote_text(value.get_ref<const std::string&>());
  return quote_text(value.dump(-1, ' ', true, json::error_handler_t::replace));
}

tl::unexpected<Error> wrong(std::string_view key, const json& value, std::string_view remedy) {
  return fail(ErrorCode::kInvalid, fmt::format("{}: {}: {}", key, quote(value), remedy));
}

/// Nothing, or which key of an object is not among those known.
Result<void> only(const json& object, std::string_view where, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    std::string all;
    for (const std::string_view name : known) all += (all.empty() ? "" : ", ") + std::string(name);
    return fail(ErrorCode::kInvalid,
                fmt::format("{}{}: no such key; there are: {}", where, quote_text(key), all));
  }
  return {};
}

Result<trace_direction> parse_flow(const json& value) {
  if (!value.is_object())
    return wrong("flow", value, R"(give {"local": "ADDRESS:PORT", "remote": "ADDRESS:PORT"})");
  if (const auto known = only(value, "flow: ", {"local", "remote"}); !known)
    return tl::unexpected(known.error());
  std::array<TraceEnd, 2> ends;
  constexpr std::array<const char*, 2> kKeys{"local", "remote"};
  for (size_t i = 0; i < ends.size(); ++i) {
    const auto found = value.find(kKeys[i]);
    const std::string key = std::string("flow.") + kKeys[i];
    if (found == value.end()) return fail(ErrorCode::kInvalid, key + " is missing; give ADDRESS:PORT");
    if (!found->is_string()) return wrong(key, *found, "give a text, ADDRESS:PORT");
    const auto end = parse_trace_end(found->get_ref<const std::string&>());
    if (!end) return fail(key, end.error());
    if (end->port == 0) return wrong(key, *found, "the port is missing; give ADDRESS:PORT");
    ends[i] = *end;
  }
  return trace_direction{.source = ends[0].address,
                         .destination = ends[1].address,
                         .source_port = ends[0].port,
                         .destination_port = ends[1].port};
}

Result<TraceContainer> parse_container(const json& value) {
  constexpr std::string_view kRemedy =
      R"(give at least one of "namespace", "pod", "container", "service", as in the labels of the metrics)";
  if (!value.is_object() || value.empty()) return wrong("container", value, kRemedy);
  if (const auto known = only(value, "container: ", {"namespace", "pod", "container", "service"}); !known) {
    return tl::unexpected(known.error());
  }
  TraceContainer container;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string() || text.get_ref<const std::string&>().empty()) {
      return wrong("container." + key, text, "give a text that is not empty");
    }
    std::string& member = key == "namespace" ? container.name_space
                          : key == "pod"     ? container.pod
                          : key == "service" ? container.service
                                             : container.container;
    member = text.get<std::string>();
  }
  return container;
}

Result<std::chrono::milliseconds> parse_seconds(const json& value) {
  const double seconds = value.is_number() ? value.get<double>() : 0;
  const std::chrono::duration<double> duration(seconds);
  if (!value.is_number() || !(duration >= kShortestTrace && duration <= kLongestTrace)) {
    return wrong("seconds", value, "give a number from 0.1 to 60");
  }
  return std::chrono::milliseconds(std::lround(seconds * 1000));
}

}  // namespace

Result<TraceEnd> parse_trace_end(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: give an IP address, or ADDRESS:PORT, or [ADDRESS]:PORT", quote_text(text)));
  };
  std::string address(text);
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return bad();
    address = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (address.find(':') == std::string::npos) return bad();
  } else if (std::ranges::count(text, ':') == 1) {
    const size_t colon = text.find(':');
    address = text.substr(0, colon);
    port = text.substr(colon);
  }
  TraceEnd end;
  if (!port.empty()) {
    unsigned number = 0;
    const char* const last = port.data() + port.size();
    const auto [parsed_to, error] = std::from_chars(port.data() + 1, last, number);
    if (port[0] != ':' || error != std::errc() || parsed_to != last || number == 0 || number > UINT16_MAX) {
      return bad();
    }
    end.port = static_cast<uint16_t>(number);
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), end.address.bytes);
  if (inet_pton(AF_INET, address.c_str(), end.address.bytes + kMappedPrefix.size()) == 1) return end;
  if (inet_pton(AF_INET6, address.c_str(), end.address.bytes) == 1) return end;
  return bad();
}

std::string trace_end_text(const flow_address& address, uint16_t port) {
  char text[INET6_ADDRSTRLEN] = "";
  const bool v4 = std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes + (v4 ? kMappedPrefix.size() : 0), text, sizeof text);
  if (port == 0) return text;
  return v4 ? fmt::format("{}:{}", text, port) : fmt::format("[{}]:{}", text, port);
}

Result<TraceRequest> parse_trace_request(std::string_view body) {
  if (body.size() > kLongestBody) {
    return fail(ErrorCode::kInvalid, fmt::format("the body is longer than {} bytes", kLongestBody));
  }
  bool too_deep = false;
  const auto shallow = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDeepestNesting;
    return !too_deep;
  };
  const json root = json::parse(body, shallow, false);
  if (too_deep || root.is_discarded() || !root.is_object()) {
    return fail(ErrorCode::kInvalid,
                R"(the body is no JSON object; give {"container": {"service": "api"}, "seconds": 5})");
  }
  if (const auto known = only(root, "", {"flow", "container", "remote", "seconds"}); !known) {
    return tl::unexpected(known.error());
  }
  TraceRequest request;
  if (root.contains("flow") == root.contains("container")) {
    return fail(ErrorCode::kInvalid, R"(give one of "flow" and "container")");
  }
  if (root.contains("flow")) {
    auto flow = parse_flow(root["flow"]);
    if (!flow) return tl::unexpected(flow.error());
    request.flow = *flow;
    if (root.contains("remote")) return wrong("remote", root["remote"], R"(it goes with "container" only)");
  } else {
    auto container = parse_container(root["container"]);
    if (!container) return tl::unexpected(container.error());
    request.container = std::move(*container);
  }
  if (root.contains("remote")) {
    const json& remote = root["remote"];
    if (!remote.is_string()) return wrong("remote", remote, "give a text, ADDRESS or ADDRESS:PORT");
    const auto end = parse_trace_end(remote.get_ref<const std::string&>());
    if (!end) return fail("remote", end.error());
    request.remote = *end;
  }
  if (root.contains("seconds")) {
    const auto duration = parse_seconds(root["seconds"]);
    if (!duration) return tl::unexpected(duration.error());
    request.duration = *duration;
  }
  return request;
}

}  // namespace sonde::exporter
