#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde {

/// Room for one request, with its header and attributes.
using NetlinkBuffer = std::array<char, 1024>;

/// Begins a request in `buffer`: libmnl's header of the given type with NLM_F_REQUEST and `flags`.
nlmsghdr* begin_request(NetlinkBuffer& buffer, uint16_t type, uint16_t flags);

/// Calls `visit` with each attribute that follows a message's own header of `header_bytes`.
void for_each_attribute(const nlmsghdr& message, size_t header_bytes,
                        const std::function<void(const nlattr&)>& visit);
/// Calls `visit` with each attribute inside of one.
void for_each_nested(const nlattr& outer, const std::function<void(const nlattr&)>& visit);

/// One netlink socket in the network namespace that its opener's thread was in; it stays there, and keeps
/// that namespace alive, wherever the thread goes. Threads: one at a time.
class NetlinkSocket {
 public:
  using OnMessage = std::function<void(const nlmsghdr&)>;

  /// `protocol`: NETLINK_ROUTE or another; `groups`: multicast groups to hear (RTNLGRP_LINK and the like).
  /// `receive_bytes`: of the queue of events; 0: the system's default.
  /// Errors: kUnavailable with the kernel's words.
  static Result<NetlinkSocket> open(int protocol, std::initializer_list<int> groups = {},
                                    int receive_bytes = 0);

  /// Sends one request and waits for the kernel's acknowledgement; messages before it go to `on_message`.
  /// Errors: kNotFound (ENODEV, ENOENT: what it names is gone), kPermission, kInvalid (EINVAL, EEXIST),
  /// kUnavailable, with the kernel's own explanation where it gives one.
  Result<void> request(nlmsghdr& message, const OnMessage& on_message = {});

  /// Asks for a dump (NLM_F_DUMP is added) and hands each entry over. A dump that a change interrupted is
  /// begun anew, at most a few times; `restart` is called before, to forget what was handed over.
  Result<void> dump(nlmsghdr& message, const OnMessage& on_message, const std::function<void()>& restart);

  /// Takes all events that wait, without blocking. False: some were lost (ENOBUFS), so everything is to be
  /// listed anew. Errors: the socket failed.
  Result<bool> receive(const OnMessage& on_message);

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  /// The errno of the last request that failed.
  [[nodiscard]] int last_errno() const { return last_errno_; }

 private:
  struct Answers {
    bool ended = false;        ///< no more will come
    bool interrupted = false;  ///< something changed within a dump
  };

  explicit NetlinkSocket(FileDescriptor socket) : socket_(std::move(socket)) {}
  Result<void> send(nlmsghdr& message);
  Result<Answers> read_answers(const OnMessage& on_message);
  tl::unexpected<Error> refused(int number, const std::string& explanation = "");

  FileDescriptor socket_;
  uint32_t sequence_ = 0;
  int last_errno_ = 0;
};

}  // namespace sonde
