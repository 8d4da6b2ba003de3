#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"
#include "exporter/flows/mapping/connection.h"

namespace sonde::exporter {

/// What one read from a ctnetlink socket gave.
struct ConntrackReply {
  std::vector<TranslatedConnection> connections;  ///< those that are translated, TCP, UDP, SCTP or other
  size_t untranslated = 0;                        ///< entries whose reply is the original turned round
  size_t malformed = 0;                           ///< entries left out: an attribute is missing or too short
  bool ended = false;                             ///< the dump's last message was there
};

/// Reads the messages of one recv() of a dump of conntrack entries (NFNL_SUBSYS_CTNETLINK,
/// IPCTNL_MSG_CT_NEW). A message that makes no sense is counted and costs only itself. Errors: the kernel's
/// own refusal (NLMSG_ERROR): kPermission for EPERM, kUnsupported for a kernel without ctnetlink,
/// kUnavailable for others. Source: linux/netfilter/nfnetlink_conntrack.h.
Result<ConntrackReply> parse_conntrack_reply(std::span<const std::byte> bytes);

}  // namespace sonde::exporter
