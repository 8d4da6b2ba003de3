#include "common/network/netlink.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace sonde {
namespace {

/// The kernel fills at most 32 kB of a dump at once.
constexpr size_t kReceiveBytes = 65536;
/// The kernel answers within the call that asks; so long only if it never will.
constexpr time_t kPatienceSeconds = 5;
constexpr int kMostDumps = 10;

ErrorCode code_of(int number) {
  switch (number) {
    case ENODEV:
    case ENXIO:
    case ENOENT:
      return ErrorCode::kNotFound;
    case EPERM:
    case EACCES:
      return ErrorCode::kPermission;
    case EINVAL:
    case EEXIST:
      return ErrorCode::kInvalid;
    case EOPNOTSUPP:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kUnavailable;
  }
}

/// The kernel's own words behind an error, or none.
std::string explanation_of(const nlmsghdr& message) {
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto& failed = *static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
  size_t offset = sizeof(nlmsgerr);
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0) offset += failed.msg.nlmsg_len - sizeof(nlmsghdr);
  std::string text;
  for_each_attribute(message, offset, [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) == NLMSGERR_ATTR_MSG) text = mnl_attr_get_str(&attribute);
  });
  return text;
}

void visit_attributes(const void* begin, size_t length, const std::function<void(const nlattr&)>& visit) {
  int left = static_cast<int>(length);
  const auto* attribute = static_cast<const nlattr*>(begin);
  while (mnl_attr_ok(attribute, left)) {
    visit(*attribute);
    left -= MNL_ALIGN(attribute->nla_len);
    attribute = mnl_attr_next(attribute);
  }
}

}  // namespace

void for_each_attribute(const nlmsghdr& message, size_t header_bytes,
                        const std::function<void(const nlattr&)>& visit) {
  const size_t length = mnl_nlmsg_get_payload_len(&message);
  const size_t offset = MNL_ALIGN(header_bytes);
  if (length < offset) return;
  visit_attributes(mnl_nlmsg_get_payload_offset(&message, offset), length - offset, visit);
}

void for_each_nested(const nlattr& outer, const std::function<void(const nlattr&)>& visit) {
  visit_attributes(mnl_attr_get_payload(&outer), mnl_attr_get_payload_len(&outer), visit);
}

nlmsghdr* begin_request(NetlinkBuffer& buffer, uint16_t type, uint16_t flags) {
  nlmsghdr* const message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | flags;
  return message;
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol, std::initializer_list<int> groups,
                                          int receive_bytes) {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  const auto failed = [](const char* what) {
    return fail(code_of(errno), fmt::format("netlink: {}: {}", what, strerrordesc_np(errno)));
  };
  if (!socket) return failed("socket");
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const int on = 1;
  setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
  // Without it the kernel ignores what a dump is restricted to.
  if (protocol == NETLINK_ROUTE &&
      setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) != 0) {
    return failed("NETLINK_GET_STRICT_CHK");
  }
  if (receive_bytes > 0) {
    // The first may exceed the system's limit and needs CAP_NET_ADMIN.
    if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0) {
      setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    }
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failed("bind");
  }
  for (const int group : groups) {
    if (setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
      return failed("NETLINK_ADD_MEMBERSHIP");
    }
  }
  return NetlinkSocket(std::move(socket));
}

tl::unexpected<Error> NetlinkSocket::refused(int number, const std::string& explanation) {
  last_errno_ = number;
  return fail(code_of(number), fmt::format("netlink: {}{}{}", strerrordesc_np(number),
                                           explanation.empty() ? "" : ": ", explanation));
}

Result<void> NetlinkSocket::send(nlmsghdr& message) {
  last_errno_ = 0;
  message.nlmsg_seq = ++sequence_;
  if (::send(socket_.get(), &message, message.nlmsg_len, 0) < 0) return refused(errno);
  return {};
}

Result<NetlinkSocket::Answers> NetlinkSocket::read_answers(const OnMessage& on_message) {
  alignas(nlmsghdr) std::array<char, kReceiveBytes> buffer;
  const ssize_t length = recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
  if (length < 0) return refused(errno);
  if (static_cast<size_t>(length) > buffer.size()) return refused(EMSGSIZE);
  Answers answers;
  int left = static_cast<int>(length);
  for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
       message = mnl_nlmsg_next(message, &left)) {
    if (message->nlmsg_seq != sequence_) continue;  // the answer to a request that was given up
    answers.interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
      // Of the end of a dump the payload is an errno as well, and may be absent.
      const bool has_number = mnl_nlmsg_get_payload_len(message) >= sizeof(int);
      const int number = has_number ? -*static_cast<const int*>(mnl_nlmsg_get_payload(message)) : 0;
      if (number != 0) {
        return refused(number, message->nlmsg_type == NLMSG_ERROR ? explanation_of(*message) : "");
      }
      answers.ended = true;
      return answers;
    }
    if (on_message) on_message(*message);
  }
  return answers;
}

Result<void> NetlinkSocket::request(nlmsghdr& message, const OnMessage& on_message) {
  message.nlmsg_flags |= NLM_F_ACK;
  if (auto sent = send(message); !sent) return sent;
  while (true) {
    const auto answers = read_answers(on_message);
    if (!answers) return tl::unexpected(answers.error());
    if (answers->ended) return {};
  }
}

Result<void> NetlinkSocket::dump(nlmsghdr& message, const OnMessage& on_message,
                                 const std::function<void()>& restart) {
  message.nlmsg_flags |= NLM_F_DUMP;
  for (int attempt = 0; attempt < kMostDumps; ++attempt) {
    if (attempt > 0 && restart) restart();
    if (auto sent = send(message); !sent) return sent;
    bool interrupted = false;
    for (bool ended = false; !ended;) {
      const auto answers = read_answers(on_message);
      if (!answers) return tl::unexpected(answers.error());
      interrupted |= answers->interrupted;
      ended = answers->ended;
    }
    if (!interrupted) return {};
  }
  // What is listed while all changes is a beginning: events bring the rest.
  return {};
}

Result<bool> NetlinkSocket::receive(const OnMessage& on_message) {
  alignas(nlmsghdr) std::array<char, kReceiveBytes> buffer;
  bool complete = true;
  while (true) {
    const ssize_t length = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      if (errno == EAGAIN) return complete;
      if (errno == EINTR) continue;
      if (errno != ENOBUFS) return refused(errno);
      complete = false;
      continue;
    }
    if (static_cast<size_t>(length) > buffer.size()) {
      complete = false;
      continue;
    }
    int left = static_cast<int>(length);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      on_message(*message);
    }
  }
}

}  // namespace sonde
