#include "exporter/flows/named_networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace sonde::exporter {
namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kMappedBits = 96;  // in front of an IPv4 address
constexpr size_t kLongestName = 128;

/// The address with all bits behind the prefix 0.
flow_address masked(flow_address address, unsigned prefix) {
  for (unsigned byte = 0; byte < sizeof address.bytes; ++byte) {
    const unsigned kept = std::min(8U, prefix - std::min(prefix, byte * 8));
    address.bytes[byte] &= static_cast<uint8_t>(0xff00U >> kept);
  }
  return address;
}

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  };
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, allowed);
}

tl::unexpected<Error> refuse(std::string_view entry, std::string_view why) {
  return fail(ErrorCode::kInvalid, fmt::format("--flows.networks: {}: {}", entry, why));
}

}  // namespace

Result<NamedNetworks::Entry> NamedNetworks::parse(std::string_view entry) {
  const size_t equals = entry.find('=');
  const size_t slash = entry.rfind('/');
  if (equals == std::string_view::npos || slash == std::string_view::npos || slash < equals) {
    return refuse(entry, "give NAME=ADDRESS/BITS, such as services=10.96.0.0/12");
  }
  Entry parsed{std::string(entry.substr(0, equals)), {}, 0};
  if (!is_name(parsed.name)) {
    return refuse(entry,
                  fmt::format("the name may have letters, digits and -_./, 1 to {} of them", kLongestName));
  }
  const auto address = parse_address(entry.substr(equals + 1, slash - equals - 1));
  if (!address) return refuse(entry, "this is no IPv4 or IPv6 address");
  const std::string_view bits = entry.substr(slash + 1);
  const unsigned most = is_ipv4(*address) ? kBits - kMappedBits : kBits;
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
  if (error != std::errc() || end != bits.data() + bits.size() || bits.empty() || prefix > most) {
    return refuse(entry, fmt::format("the length of its prefix must be 0 to {}", most));
  }
  parsed.prefix = prefix + kBits - most;
  parsed.network = masked(*address, parsed.prefix);
  if (!same_address(parsed.network, *address)) {
    return refuse(entry, fmt::format("bits are set behind the prefix; the network is {}/{}",
                                     address_text(parsed.network), prefix));
  }
  return parsed;
}

Result<void> NamedNetworks::add(std::string_view text) {
  NamedNetworks all = *this;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view entry = text.substr(0, comma);
    auto parsed = parse(entry);
    if (!parsed) return tl::unexpected(parsed.error());
    const auto [found, is_new] = all.by_prefix_[parsed->prefix].emplace(parsed->network, parsed->name);
    if (!is_new && found->second != parsed->name) {
      return refuse(entry, fmt::format("the network has the name {} already; give it one", found->second));
    }
    if (all.size() > kMostNetworks) return refuse(entry, fmt::format("at most {} networks", kMostNetworks));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  *this = std::move(all);
  return {};
}

const std::string* NamedNetworks::find(const flow_address& address) const {
  for (const auto& [prefix, networks] : by_prefix_) {
    // 0.0.0.0/0 is 96 bits long, so it never holds an IPv6 address; ::/0 must not hold IPv4 ones either.
    if (prefix < kMappedBits && is_ipv4(address)) continue;
    if (const auto found = networks.find(masked(address, prefix)); found != networks.end())
      return &found->second;
  }
  return nullptr;
}

size_t NamedNetworks::size() const {
  return std::accumulate(by_prefix_.begin(), by_prefix_.end(), size_t{0},
                         [](size_t sum, const auto& entry) { return sum + entry.second.size(); });
}

AddressClass class_of(const flow_address& address) {
  struct Range {
    const char* network;
    unsigned prefix;
    AddressClass is;
    flow_address parsed{};
  };
  // Those of IPv4 never hold an IPv6 address, nor the other way round.
  static const std::vector<Range> kRanges = [] {
    std::vector<Range> all{{"127.0.0.0", kMappedBits + 8, AddressClass::kLoopback},
                           {"10.0.0.0", kMappedBits + 8, AddressClass::kPrivate},
                           {"172.16.0.0", kMappedBits + 12, AddressClass::kPrivate},
                           {"192.168.0.0", kMappedBits + 16, AddressClass::kPrivate},
                           {"100.64.0.0", kMappedBits + 10, AddressClass::kPrivate},
                           {"169.254.0.0", kMappedBits + 16, AddressClass::kLinkLocal},
                           {"0.0.0.0", kMappedBits + 8, AddressClass::kLinkLocal},
                           {"224.0.0.0", kMappedBits + 4, AddressClass::kMulticast},
                           {"255.255.255.255", kBits, AddressClass::kMulticast},
                           {"::1", kBits, AddressClass::kLoopback},
                           {"fc00::", 7, AddressClass::kPrivate},
                           {"fe80::", 10, AddressClass::kLinkLocal},
                           {"ff00::", 8, AddressClass::kMulticast}};
    for (Range& range : all) range.parsed = *parse_address(range.network);
    return all;
  }();
  const auto found = std::ranges::find_if(
      kRanges, [&](const Range& range) { return same_address(masked(address, range.prefix), range.parsed); });
  return found == kRanges.end() ? AddressClass::kPublic : found->is;
}

std::string_view class_word(AddressClass address_class) {
  switch (address_class) {
    case AddressClass::kLoopback:
      return "~loopback";
    case AddressClass::kPrivate:
      return "~private";
    case AddressClass::kLinkLocal:
      return "~link_local";
    case AddressClass::kMulticast:
      return "~multicast";
    case AddressClass::kPublic:
      return "~public";
  }
  return "";
}

}  // namespace sonde::exporter
