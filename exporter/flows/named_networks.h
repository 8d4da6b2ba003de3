#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/flow_key.h"
#include "common/result.h"
#include "exporter/flows/address.h"

namespace sonde::exporter {

/// Networks that have names, by longest prefix. Threads: safe while nobody adds.
class NamedNetworks {
 public:
  static constexpr size_t kMostNetworks = 4096;

  /// Adds networks as --flows.networks has them: "NAME=CIDR,NAME=CIDR", in which a name may occur again.
  /// Errors: kInvalid, one line with the entry and the remedy; nothing of the text is added then.
  Result<void> add(std::string_view text);

  /// The name of the smallest network that an address lies in; nullptr where it lies in none.
  [[nodiscard]] const std::string* find(const flow_address& address) const;
  [[nodiscard]] size_t size() const;

 private:
  struct Entry {
    std::string name;
    flow_address network;
    unsigned prefix;  ///< bits of the 128
  };
  using Networks = std::unordered_map<flow_address, std::string, AddressHash, AddressEqual>;

  static Result<Entry> parse(std::string_view entry);

  std::map<unsigned, Networks, std::greater<>> by_prefix_;
};

/// What an address is by itself; the closed list of values that stand in remote_service where neither a pod
/// nor a named network has it.
enum class AddressClass { kLoopback, kPrivate, kLinkLocal, kMulticast, kPublic };

/// RFC 1918, 6598 and 4193 are private; broadcast counts as multicast, 0.0.0.0/8 as link-local.
AddressClass class_of(const flow_address& address);
/// "~loopback", "~private", "~link_local", "~multicast" or "~public".
std::string_view class_word(AddressClass address_class);

}  // namespace sonde::exporter
