#include "exporter/flows/tracing/stage.h"

namespace sonde::exporter {
namespace {

struct Row {
  std::string_view word;
  Part part;
};

/// By Stage.
constexpr std::array<Row, kStageCount> kRows{{
    {"sender_run_queue", Part::kSenderHost},
    {"socket_send", Part::kSenderHost},
    {"receive_window", Part::kReceiverHost},
    {"acknowledgement", Part::kNone},
    {"ip_send", Part::kSenderHost},
    {"qdisc", Part::kSenderHost},
    {"driver_send", Part::kSenderHost},
    {"way", Part::kNetwork},
    {"way_qdisc", Part::kNetwork},
    {"beyond", Part::kNetwork},
    {"softirq", Part::kReceiverHost},
    {"ip_receive", Part::kReceiverHost},
    {"socket_receive", Part::kReceiverHost},
    {"reader_run_queue", Part::kReceiverHost},
}};

}  // namespace

std::string_view stage_word(Stage stage) {
  return kRows[static_cast<size_t>(stage)].word;
}

std::string_view part_word(Part part) {
  switch (part) {
    case Part::kSenderHost:
      return "sender_host";
    case Part::kNetwork:
      return "network";
    case Part::kReceiverHost:
      return "receiver_host";
    case Part::kNone:
      break;
  }
  return "none";
}

Part part_of(Stage stage) {
  return kRows[static_cast<size_t>(stage)].part;
}

}  // namespace sonde::exporter
