#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sonde::exporter {

/// Between which two events of its way a packet spent time, in the order of the way.
enum class Stage : unsigned char {
  kSenderRunQueue,   ///< the writing thread could run and waited for a CPU, since it last used the connection
  kSocketSend,       ///< write to departure: the sender's socket (its buffer, small writes held back, pacing)
  kReceiveWindow,    ///< the same while the receiver had no room
  kAcknowledgement,  ///< the same while nothing could leave before older bytes were acknowledged
  kIpSend,           ///< departure from TCP to the device: IP, netfilter, tc egress
  kQdisc,            ///< the sender's interface queue
  kDriverSend,       ///< the driver's function that sends
  kWay,              ///< sender's driver to receiver's driver, less what is kWayQdisc
  kWayQdisc,         ///< interface queues between them that this kernel has
  kBeyond,           ///< sender's driver to the acknowledgement, where the receiver is on another machine
  kSoftirq,          ///< receiver's driver to the softirq that takes the packet up
  kIpReceive,        ///< from there to TCP: tc ingress, netfilter, IP, a socket in use
  kSocketReceive,    ///< in the receiver's socket, less what is kReaderRunQueue: the reader is late
  kReaderRunQueue,   ///< the reading thread could run and waited for a CPU
};
inline constexpr size_t kStageCount = 14;

/// Where the time of a stage belongs.
enum class Part : unsigned char {
  kSenderHost,
  kNetwork,
  kReceiverHost,
  kNone,  ///< waits for an acknowledgement last as long as what the others do: no share of their own
};
inline constexpr size_t kPartCount = 3;  ///< without kNone

/// "qdisc", the label `stage`.
std::string_view stage_word(Stage stage);
/// "sender_host", "network", "receiver_host", the label `part`; "none".
std::string_view part_word(Part part);
Part part_of(Stage stage);

/// Nanoseconds by Stage; kNotSeen where one of its ends was not.
using StageTimes = std::array<int64_t, kStageCount>;
inline constexpr int64_t kNotSeen = -1;

}  // namespace sonde::exporter
