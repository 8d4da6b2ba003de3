#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bpf/flow_key.h"

namespace sonde::exporter {

inline bool same_address(const flow_address& left, const flow_address& right) {
  return std::memcmp(&left, &right, sizeof(flow_address)) == 0;
}

/// "10.1.2.3" or "fe80::1"; nothing for what is neither.
std::optional<flow_address> parse_address(std::string_view text);
/// The same back; an IPv4 address as IPv4.
std::string address_text(const flow_address& address);
/// Whether it is an IPv4 one, ::ffff:a.b.c.d.
bool is_ipv4(const flow_address& address);

/// For unordered containers.
struct AddressHash {
  size_t operator()(const flow_address& address) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&address), sizeof address});
  }
};
struct AddressEqual {
  bool operator()(const flow_address& left, const flow_address& right) const {
    return same_address(left, right);
  }
};

}  // namespace sonde::exporter
