#include "inject/network/qdisc.h"

#include <fmt/format.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

namespace sonde::inject {
namespace {

constexpr size_t kRequestBytes = 16384;  // a table of 8 kB is the most of it
constexpr size_t kDistributionEntries = 4096;
constexpr uint32_t kNetemLimitPackets = 100'000;
constexpr uint32_t kOurHandles = 0x50000000;  // major numbers 5000 to 5fff

struct Request {
  alignas(nlmsghdr) std::array<char, kRequestBytes> bytes{};
  nlmsghdr* message = nullptr;
};

void begin(Request& request, uint16_t type, uint16_t flags, uint32_t interface, uint32_t handle) {
  request.message = mnl_nlmsg_put_header(request.bytes.data());
  request.message->nlmsg_type = type;
  request.message->nlmsg_flags = NLM_F_REQUEST | flags;
  auto& header = *static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(request.message, sizeof(tcmsg)));
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(interface);
  header.tcm_parent = TC_H_ROOT;
  header.tcm_handle = handle;
}

/// The number x that a standard normal variable stays below with that probability, by bisection.
double normal_quantile(double probability) {
  double low = -8;
  double high = 8;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < probability ? low : high) = middle;
  }
  return low;
}

/// As netem wants it: deviations from the mean, each as probable as the next, in units of sigma / 8192.
std::array<int16_t, kDistributionEntries> normal_distribution() {
  std::array<int16_t, kDistributionEntries> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    const double quantile = normal_quantile((static_cast<double>(i) + 0.5) / kDistributionEntries);
    const double scaled = std::clamp(quantile * NETEM_DIST_SCALE, -32767.0, 32767.0);
    table[i] = static_cast<int16_t>(std::lround(scaled));
  }
  return table;
}

/// Copies as much of a structure as the kernel sent; it may know more or less of it.
template <class Structure>
Structure copy_of(const nlattr& attribute) {
  Structure structure{};
  std::memcpy(&structure, mnl_attr_get_payload(&attribute),
              std::min<size_t>(sizeof structure, mnl_attr_get_payload_len(&attribute)));
  return structure;
}

QdiscStatistics statistics_of(const nlattr& nested) {
  QdiscStatistics statistics;
  std::optional<uint64_t> packets;  // of 64 bits, where the kernel counts so far
  for_each_nested(nested, [&](const nlattr& attribute) {
    switch (mnl_attr_get_type(&attribute)) {
      case TCA_STATS_BASIC: {
        const auto basic = copy_of<gnet_stats_basic>(attribute);
        statistics.sent_bytes = basic.bytes;
        statistics.sent_packets = basic.packets;
        break;
      }
      case TCA_STATS_PKT64:
        packets = copy_of<uint64_t>(attribute);
        break;
      case TCA_STATS_QUEUE: {
        const auto queue = copy_of<gnet_stats_queue>(attribute);
        statistics.dropped_packets = queue.drops;
        statistics.over_limit = queue.overlimits;
        statistics.waiting_bytes = queue.backlog;
        break;
      }
      default:
        break;
    }
  });
  statistics.sent_packets = packets.value_or(statistics.sent_packets);
  return statistics;
}

}  // namespace

std::string other_qdisc_words(const RootQdisc& other) {
  return fmt::format(
      "the container's interface has a qdisc of somebody else already ({}, handle {:x}:); take it away, or "
      "choose another interface with --interface",
      other.kind, other.handle >> 16U);
}

Result<QdiscOfInterface> QdiscOfInterface::open(uint32_t interface) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return tl::unexpected(socket.error());
  return QdiscOfInterface(std::move(*socket), interface);
}

Result<RootQdisc> QdiscOfInterface::root() {
  Request request;
  begin(request, RTM_GETQDISC, 0, interface_, 0);
  std::optional<RootQdisc> found;
  const auto on_qdisc = [&](const nlmsghdr& entry) {
    const auto& header = *static_cast<const tcmsg*>(mnl_nlmsg_get_payload(&entry));
    if (header.tcm_ifindex != static_cast<int>(interface_) || header.tcm_parent != TC_H_ROOT) return;
    found = RootQdisc{.handle = header.tcm_handle};
    for_each_attribute(entry, sizeof(tcmsg), [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) == TCA_KIND) found->kind = mnl_attr_get_str(&attribute);
      if (mnl_attr_get_type(&attribute) == TCA_STATS2) found->statistics = statistics_of(attribute);
    });
  };
  if (auto listed = socket_.dump(*request.message, on_qdisc, [&] { found.reset(); }); !listed) {
    return fail("qdiscs", listed.error());
  }
  if (found) return *found;
  return fail(ErrorCode::kNotFound, "the container's interface is gone, or has no qdisc");
}

Result<uint64_t> QdiscOfInterface::interface_sent_bytes() {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETLINK, 0);
  auto& header = *static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  header.ifi_index = static_cast<int>(interface_);
  uint64_t bytes = 0;
  const auto on_link = [&](const nlmsghdr& entry) {
    for_each_attribute(entry, sizeof(ifinfomsg), [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) == IFLA_STATS64)
        bytes = copy_of<rtnl_link_stats64>(attribute).tx_bytes;
    });
  };
  if (auto asked = socket_.request(*message, on_link); !asked) return fail("interface", asked.error());
  return bytes;
}

Result<void> QdiscOfInterface::put(nlmsghdr& message, std::string_view kind) {
  if (auto made = socket_.request(message); !made) {
    const int number = socket_.last_errno();
    if (number == ENOENT) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("this kernel has no {}: load its module sch_{}", kind, kind));
    }
    if (number != EEXIST) return fail(fmt::format("{} qdisc", kind), made.error());
    return fail(ErrorCode::kInvalid, other_qdisc_words(root().value_or(RootQdisc{.kind = "unknown"})));
  }
  placed_ = true;
  return {};
}

uint16_t QdiscOfInterface::creating() const {
  // Another's qdisc of the same handle, however improbable, must not be taken for ours.
  return placed_ ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL;
}

Result<void> QdiscOfInterface::put(uint32_t handle, const Netem& netem) {
  Request request;
  begin(request, RTM_NEWQDISC, creating(), interface_, handle);
  mnl_attr_put_strz(request.message, TCA_KIND, "netem");
  nlattr* const options = mnl_attr_nest_start(request.message, TCA_OPTIONS);
  constexpr double kMost = std::numeric_limits<uint32_t>::max();
  tc_netem_qopt fixed{};
  fixed.limit = kNetemLimitPackets;
  fixed.loss = static_cast<uint32_t>(std::llround(std::clamp(netem.loss_ratio, 0.0, 1.0) * kMost));
  // The options begin with this structure, without an attribute's header of its own.
  std::memcpy(mnl_nlmsg_get_payload_tail(request.message), &fixed, sizeof fixed);
  request.message->nlmsg_len += MNL_ALIGN(sizeof fixed);
  mnl_attr_put_u64(request.message, TCA_NETEM_LATENCY64, static_cast<uint64_t>(netem.delay.count()));
  mnl_attr_put_u64(request.message, TCA_NETEM_JITTER64, static_cast<uint64_t>(netem.jitter.count()));
  if (netem.normal && netem.jitter.count() > 0) {
    const auto table = normal_distribution();
    mnl_attr_put(request.message, TCA_NETEM_DELAY_DIST, table.size() * sizeof table[0], table.data());
  }
  mnl_attr_nest_end(request.message, options);
  return put(*request.message, "netem");
}

Result<void> QdiscOfInterface::put(uint32_t handle, const TokenBucket& bucket) {
  Request request;
  begin(request, RTM_NEWQDISC, creating(), interface_, handle);
  mnl_attr_put_strz(request.message, TCA_KIND, "tbf");
  nlattr* const options = mnl_attr_nest_start(request.message, TCA_OPTIONS);
  tc_tbf_qopt fixed{};
  fixed.rate.linklayer = TC_LINKLAYER_ETHERNET;  // else the kernel wants a table of times
  fixed.rate.rate = static_cast<uint32_t>(std::min<uint64_t>(bucket.bytes_per_second, UINT32_MAX));
  fixed.limit = bucket.queue_bytes;
  mnl_attr_put(request.message, TCA_TBF_PARMS, sizeof fixed, &fixed);
  mnl_attr_put_u32(request.message, TCA_TBF_BURST, bucket.bucket_bytes);
  if (bucket.bytes_per_second > UINT32_MAX) {
    mnl_attr_put_u64(request.message, TCA_TBF_RATE64, bucket.bytes_per_second);
  }
  mnl_attr_nest_end(request.message, options);
  return put(*request.message, "tbf");
}

Result<void> QdiscOfInterface::remove(uint32_t handle) {
  Request request;
  begin(request, RTM_DELQDISC, 0, interface_, handle);
  auto removed = socket_.request(*request.message);
  // EINVAL: another handle is there, so ours is not.
  if (removed || removed.error().code == ErrorCode::kNotFound || socket_.last_errno() == EINVAL) return {};
  return fail("qdisc", removed.error());
}

uint32_t random_qdisc_handle() {
  uint32_t number = 0;
  while (getrandom(&number, sizeof number, 0) != sizeof number) continue;
  return kOurHandles | ((number & 0xfffU) << 16U);
}

bool kernel_has_netem() {
  constexpr uint32_t kLoopback = 1;
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNET) != 0) _exit(1);
    auto qdisc = QdiscOfInterface::open(kLoopback);
    _exit(qdisc && qdisc->put(kOurHandles, Netem{}) ? 0 : 1);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace sonde::inject
