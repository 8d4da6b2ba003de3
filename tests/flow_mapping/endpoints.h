#pragma once

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "exporter/flows/mapping/connection.h"

namespace sonde::exporter {

/// An endpoint from its address as text.
inline Endpoint end(const std::string& address, uint16_t port) {
  Endpoint endpoint{.address = {}, .port = port};
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    endpoint.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(endpoint.address.data() + 12, &v4, sizeof v4);
  } else {
    inet_pton(AF_INET6, address.c_str(), endpoint.address.data());
  }
  return endpoint;
}

}  // namespace sonde::exporter
