#include "exporter/flows/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace sonde::exporter {
namespace {

constexpr size_t kIPv4Offset = 12;  // of an IPv4 address in its mapped form

}  // namespace

std::optional<flow_address> parse_address(std::string_view text) {
  const std::string terminated(text);
  flow_address address{};
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes + kIPv4Offset) == 1) {
    address.bytes[10] = address.bytes[11] = 0xff;
    return address;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes) == 1) return address;
  return std::nullopt;
}

std::string address_text(const flow_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_ipv4(address)) {
    ::inet_ntop(AF_INET, address.bytes + kIPv4Offset, text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, address.bytes, text.data(), text.size());
  }
  return text.data();
}

bool is_ipv4(const flow_address& address) {
  const bool zeros = std::all_of(address.bytes, address.bytes + 10, [](auto byte) { return byte == 0; });
  return zeros && address.bytes[10] == 0xff && address.bytes[11] == 0xff;
}

}  // namespace sonde::exporter
