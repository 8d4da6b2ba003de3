#include "inject/network/queue_rule.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sonde::inject {
namespace {

constexpr const char* kChain = "delay";
/// That of iptables' table mangle: behind connection tracking, before NAT.
constexpr int32_t kPriority = -150;
constexpr time_t kAnswerSeconds = 5;

/// Several messages that take effect together or not at all, all with one sequence number.
class Batch {
 public:
  Batch(uint8_t family, uint32_t sequence) : family_(family), sequence_(sequence) {
    begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  }

  nlmsghdr* add(uint16_t type, uint16_t flags) {
    return begin(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), flags | NLM_F_ACK, family_, 0);
  }

  bool send(mnl_socket* socket) {
    begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    close_last();
    return mnl_socket_sendto(socket, buffer_.data(), used_) >= 0;
  }

 private:
  nlmsghdr* begin(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource) {
    close_last();
    last_ = mnl_nlmsg_put_header(buffer_.data() + used_);
    last_->nlmsg_type = type;
    last_->nlmsg_flags = NLM_F_REQUEST | flags;
    last_->nlmsg_seq = sequence_;
    auto& header = *static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(last_, sizeof(nfgenmsg)));
    header.nfgen_family = family;
    header.version = NFNETLINK_V0;
    header.res_id = htons(resource);
    return last_;
  }
  void close_last() {
    if (last_ != nullptr) used_ += MNL_ALIGN(last_->nlmsg_len);
    last_ = nullptr;
  }

  alignas(nlmsghdr) std::array<char, 4096> buffer_{};
  size_t used_ = 0;
  nlmsghdr* last_ = nullptr;
  uint8_t family_;
  uint32_t sequence_;
};

/// The errno of the first message that was refused; 0 where all were taken.
int read_answers(mnl_socket* socket, uint32_t sequence, int expected) {
  alignas(nlmsghdr) std::array<char, 8192> buffer{};
  while (expected > 0) {
    const ssize_t size = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (size < 0) return errno;
    int left = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence || message->nlmsg_type != NLMSG_ERROR) continue;
      const auto& answer = *static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
      if (answer.error != 0) return -answer.error;
      --expected;
    }
  }
  return 0;
}

void put_network_u32(nlmsghdr* message, uint16_t type, uint32_t value) {
  mnl_attr_put_u32(message, type, htonl(value));
}

/// The head of one expression; its data follows until the two ends.
struct Expression {
  Expression(nlmsghdr* to, const char* name) : message(to) {
    element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
    mnl_attr_put_strz(message, NFTA_EXPR_NAME, name);
    data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
  }
  ~Expression() {
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, element);
  }
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  nlmsghdr* message;
  nlattr* element;
  nlattr* data;
};

/// Goes on only with what this interface received.
void put_match(nlmsghdr* message, uint32_t interface) {
  {
    const Expression expression(message, "meta");
    put_network_u32(message, NFTA_META_KEY, NFT_META_IIF);
    put_network_u32(message, NFTA_META_DREG, NFT_REG_1);
  }
  const Expression expression(message, "cmp");
  put_network_u32(message, NFTA_CMP_SREG, NFT_REG_1);
  put_network_u32(message, NFTA_CMP_OP, NFT_CMP_EQ);
  nlattr* const value = mnl_attr_nest_start(message, NFTA_CMP_DATA);
  mnl_attr_put_u32(message, NFTA_DATA_VALUE, interface);
  mnl_attr_nest_end(message, value);
}

/// `as_target`: by the module of iptables, for kernels whose nftables has no `queue`.
void put_queue(nlmsghdr* message, uint16_t queue, bool as_target) {
  if (as_target) {
    const Expression expression(message, "target");
    const xt_NFQ_info_v3 information{.queuenum = queue, .queues_total = 1, .flags = NFQ_FLAG_BYPASS};
    mnl_attr_put_strz(message, NFTA_TARGET_NAME, "NFQUEUE");
    put_network_u32(message, NFTA_TARGET_REV, 3);
    mnl_attr_put(message, NFTA_TARGET_INFO, sizeof information, &information);
    return;
  }
  const Expression expression(message, "queue");
  mnl_attr_put_u16(message, NFTA_QUEUE_NUM, htons(queue));
  mnl_attr_put_u16(message, NFTA_QUEUE_TOTAL, htons(1));
  mnl_attr_put_u16(message, NFTA_QUEUE_FLAGS, htons(NFT_QUEUE_FLAG_BYPASS));
}

tl::unexpected<Error> refused(const char* what, int number) {
  const ErrorCode code = number == EPERM ? ErrorCode::kPermission : ErrorCode::kUnsupported;
  return fail(code, fmt::format("{}: {}; packets can be held only where the kernel has nftables and NFQUEUE",
                                what, std::strerror(number)));
}

}  // namespace

QueueRule::~QueueRule() {
  if (socket_ != nullptr) mnl_socket_close(socket_);
}

Result<void> QueueRule::place(uint32_t interface, uint16_t queue) {
  socket_ = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (socket_ == nullptr || mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) < 0) {
    return refused("nfnetlink", errno);
  }
  const timeval patience{.tv_sec = kAnswerSeconds, .tv_usec = 0};
  setsockopt(mnl_socket_get_fd(socket_), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  table_ = fmt::format("sonde-inject-{}", getpid());
  for (const uint8_t family : {NFPROTO_IPV4, NFPROTO_IPV6}) {
    auto placed = place_in(family, interface, queue, false);
    if (!placed) placed = place_in(family, interface, queue, true);
    if (!placed) return placed;
  }
  return {};
}

Result<void> QueueRule::place_in(uint8_t family, uint32_t interface, uint16_t queue, bool as_target) {
  Batch batch(family, ++sequence_);
  nlmsghdr* message = batch.add(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, table_.c_str());
  put_network_u32(message, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
  message = batch.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
  mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table_.c_str());
  mnl_attr_put_strz(message, NFTA_CHAIN_NAME, kChain);
  mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, "filter");
  nlattr* const hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
  put_network_u32(message, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
  put_network_u32(message, NFTA_HOOK_PRIORITY, static_cast<uint32_t>(kPriority));
  mnl_attr_nest_end(message, hook);
  message = batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, table_.c_str());
  mnl_attr_put_strz(message, NFTA_RULE_CHAIN, kChain);
  nlattr* const expressions = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
  put_match(message, interface);
  put_queue(message, queue, as_target);
  mnl_attr_nest_end(message, expressions);
  if (!batch.send(socket_)) return refused("nftables", errno);
  if (const int number = read_answers(socket_, sequence_, 3); number != 0) return refused("nftables", number);
  return {};
}

Result<void> QueueRule::clear(uint8_t family) {
  Batch batch(family, ++sequence_);
  nlmsghdr* const message = batch.add(NFT_MSG_DELRULE, 0);  // without a handle: all of the chain
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, table_.c_str());
  mnl_attr_put_strz(message, NFTA_RULE_CHAIN, kChain);
  if (!batch.send(socket_)) return refused("nftables", errno);
  if (const int number = read_answers(socket_, sequence_, 1); number != 0) return refused("nftables", number);
  return {};
}

Result<void> QueueRule::stop() {
  for (const uint8_t family : {NFPROTO_IPV4, NFPROTO_IPV6}) {
    if (auto cleared = clear(family); !cleared) return cleared;
  }
  return {};
}

}  // namespace sonde::inject
