#pragma once

#include <sys/socket.h>

#include <string>

namespace sonde::http {

/// The IP address of a socket's other end as text; an IPv4 client of an IPv6 socket as IPv4.
std::string peer_address(const sockaddr_storage& peer);

}  // namespace sonde::http
