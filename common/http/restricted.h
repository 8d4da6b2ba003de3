#pragma once

#include <string>

#include "common/http/message.h"

namespace sonde::http {

/// Why a request may not have a restricted page: one line with the remedy; "" if it may.
///
/// It may if its client is authenticated. Without authentication it must come from this host and from a
/// program that means it: not from a proxy, which speaks for others, and not from a page in a browser, which
/// any site could make ask in its name (a name that resolves to 127.0.0.1, or an Origin that is another's).
std::string refuse_unless_trusted(const Request& request);

/// Whether an address, as Request::remote_address has it, is one of the loopback network.
bool is_loopback(const std::string& address);

}  // namespace sonde::http
