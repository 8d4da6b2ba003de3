#include "exporter/flows/mapping/conntrack_source.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "exporter/flows/mapping/conntrack_message.h"
#include "exporter/flows/mapping/in_network_namespace.h"

namespace sonde::exporter {
namespace {

/// The kernel fills its answers up to 32 KiB where the receiver has room.
constexpr size_t kReceiveBytes = 32'768;
/// A kernel that says nothing for so long is not waited for.
constexpr timeval kReceiveTimeout{.tv_sec = 2, .tv_usec = 0};

/// Asks for all entries that have this bit of their status; a kernel before 5.15 lists all, which is as
/// right.
std::vector<char> request(uint32_t status, uint32_t sequence) {
  std::vector<char> bytes(MNL_SOCKET_BUFFER_SIZE);
  nlmsghdr* const message = mnl_nlmsg_put_header(bytes.data());
  message->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message->nlmsg_seq = sequence;
  auto* const family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  family->version = NFNETLINK_V0;
  mnl_attr_put_u32(message, CTA_STATUS, htonl(status));
  mnl_attr_put_u32(message, CTA_STATUS_MASK, htonl(status));
  bytes.resize(message->nlmsg_len);
  return bytes;
}

Error system_error(const char* what) {
  return {errno == EPERM ? ErrorCode::kPermission : ErrorCode::kUnavailable,
          fmt::format("conntrack: {}: {}", what, std::strerror(errno))};
}

}  // namespace

ConntrackSource::ConntrackSource(ConntrackOptions options) : options_(std::move(options)) {}

Result<void> ConntrackSource::open() {
  return in_network_namespace(options_.network_namespace, [this]() -> Result<void> {
    socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
    if (!socket_) return tl::unexpected<Error>(system_error("no netlink socket"));
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout, sizeof kReceiveTimeout);
    return {};
  });
}

Result<void> ConntrackSource::list(uint32_t status, std::vector<TranslatedConnection>& connections) {
  const auto wanted = request(status, ++sequence_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(socket_.get(), wanted.data(), wanted.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
               sizeof kernel) < 0) {
    return tl::unexpected<Error>(system_error("the request was not taken"));
  }
  std::vector<std::byte> bytes(kReceiveBytes);
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return tl::unexpected<Error>(system_error("the list broke off"));
    const auto reply = parse_conntrack_reply(std::span(bytes).first(static_cast<size_t>(got)));
    if (!reply) return tl::unexpected<Error>(reply.error());
    counts_.malformed += reply->malformed;
    for (const TranslatedConnection& connection : reply->connections) {
      if (connections.size() < options_.most_connections) {
        connections.push_back(connection);
      } else {
        ++counts_.left_out;
      }
    }
    if (reply->ended) return {};
  }
}

Result<void> ConntrackSource::refresh() {
  if (!socket_) {
    if (auto opened = open(); !opened) return opened;
  }
  std::vector<TranslatedConnection> connections;
  // A filter asks for all of several bits, not for any: one list each. Who has both comes twice, which is
  // harmless.
  for (const uint32_t status : {IPS_SRC_NAT, IPS_DST_NAT}) {
    if (auto listed = list(status, connections); !listed) {
      socket_.reset();  // what is left of the broken list must not be taken for the next one's
      return listed;
    }
  }
  table_ = std::make_shared<const TranslationTable>(connections);
  counts_.connections = connections.size();
  return {};
}

std::shared_ptr<const TranslationTable> ConntrackSource::now() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = SteadyClock::now();
  if (listed_at_ && now - *listed_at_ < options_.refresh) return table_;
  // Set also after a failure: a kernel that refuses is not asked at each call.
  listed_at_ = now;
  ++counts_.lists;
  const auto refreshed = refresh();
  counts_.last_failure = refreshed ? "" : refreshed.error().message;
  if (!refreshed) ++counts_.failures;
  return table_;
}

ConntrackCounts ConntrackSource::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace sonde::exporter
