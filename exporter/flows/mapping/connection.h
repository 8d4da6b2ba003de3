#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "bpf/flow_key.h"

namespace sonde::exporter {

/// One end of a connection: an address as flow_address has it, and a port in host byte order (0 where the
/// protocol has none).
struct Endpoint {
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// The endpoint of a BPF map's key.
inline Endpoint endpoint_of(const flow_address& address, uint16_t port) {
  Endpoint endpoint{.port = port};
  std::memcpy(endpoint.address.data(), address.bytes, endpoint.address.size());
  return endpoint;
}

/// The reverse.
inline flow_address address_of(const Endpoint& endpoint) {
  flow_address address{};
  std::memcpy(address.bytes, endpoint.address.data(), endpoint.address.size());
  return address;
}

/// The way of one direction's packets, as conntrack's tuples have it.
struct Tuple {
  Endpoint source;
  Endpoint destination;
  uint8_t protocol = 0;  ///< IPPROTO_…

  friend auto operator<=>(const Tuple&, const Tuple&) = default;
};

struct TupleHash {
  size_t operator()(const Tuple& tuple) const {
    uint64_t hash = tuple.protocol;
    const auto mix = [&hash](uint64_t word) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 32U;
    };
    for (const Endpoint* end : {&tuple.source, &tuple.destination}) {
      std::array<uint64_t, 2> words{};
      std::memcpy(words.data(), end->address.data(), sizeof words);
      mix(words[0]);
      mix(words[1]);
      mix(end->port);
    }
    return static_cast<size_t>(hash);
  }
};

/// A connection that NAT or masquerade changes: packets of the one that began it come as `original` and leave
/// so that the answers come as `reply`.
struct TranslatedConnection {
  Tuple original;
  Tuple reply;
  uint16_t zone = 0;
};

}  // namespace sonde::exporter
