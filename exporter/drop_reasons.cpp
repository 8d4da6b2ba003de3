#include "exporter/drop_reasons.h"

#include <bpf/btf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace sonde::exporter {
namespace {

constexpr std::string_view kReasonPrefix = "SKB_DROP_REASON_";
constexpr std::string_view kOldSequence = "SKB_DROP_REASON_TCP_OLD_SEQUENCE";
/// Received before, or read for what it tells and then freed: probes of idle connections and full receivers
/// are "old sequences", a RST that ends a connection is TCP_RESET. OTHERHOST: a bridge's copy for each of its
/// ports.
constexpr std::array<std::string_view, 10> kNotMissed{
    kOldSequence,
    "SKB_DROP_REASON_TCP_OLD_DATA",
    "SKB_DROP_REASON_TCP_OFOMERGE",
    "SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK",
    "SKB_DROP_REASON_TCP_OLD_ACK",
    "SKB_DROP_REASON_TCP_RESET",
    "SKB_DROP_REASON_TCP_CLOSE",
    "SKB_DROP_REASON_OTHERHOST",
    "SKB_DROP_REASON_DUP_FRAG",
    "SKB_DROP_REASON_PACKET_SOCK_ERROR",
};
/// What kernels without kOldSequence (before 6.3) say instead, and of segments beyond the window as well.
constexpr std::string_view kOldOrNewSequence = "SKB_DROP_REASON_TCP_INVALID_SEQUENCE";
/// TCP tells the reason of what it loses, and none of what it is done with: a goodbye to a connection in
/// TIME_WAIT, an acknowledgement that wakes no accept(). The FIN that ends a connection may be purged with
/// its queue.
constexpr std::array<std::string_view, 2> kNotMissedOfTcp{
    "SKB_DROP_REASON_NOT_SPECIFIED",
    "SKB_DROP_REASON_QUEUE_PURGE",
};
constexpr std::string_view kSubsystemPrefix = "SKB_DROP_REASON_SUBSYS_";

std::map<uint32_t, std::string> enumerators(const btf* types, const char* name) {
  std::map<uint32_t, std::string> found;
  const int id = types == nullptr ? -1 : btf__find_by_name_kind(types, name, BTF_KIND_ENUM);
  if (id < 0) return found;
  const btf_type* type = btf__type_by_id(types, static_cast<uint32_t>(id));
  for (const struct btf_enum& one : std::span(btf_enum(type), btf_vlen(type))) {
    found.emplace(static_cast<uint32_t>(one.val), btf__name_by_offset(types, one.name_off));
  }
  return found;
}

std::string word_of(std::string_view constant, std::string_view prefix) {
  if (constant.starts_with(prefix)) constant.remove_prefix(prefix.size());
  std::string word(constant);
  std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return word;
}

}  // namespace

DropReasons DropReasons::of_this_kernel() {
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), &btf__free);
  return {enumerators(types.get(), "skb_drop_reason"), enumerators(types.get(), "skb_drop_reason_subsys")};
}

DropReasons::DropReasons(std::map<uint32_t, std::string> names, std::map<uint32_t, std::string> subsystems)
    : names_(std::move(names)), subsystems_(std::move(subsystems)), consumed_(number_of("SKB_CONSUMED")) {}

/// 0, which is no reason, where the kernel has none of that name.
uint32_t DropReasons::number_of(std::string_view constant) const {
  const auto found = std::ranges::find(names_, constant, &std::pair<const uint32_t, std::string>::second);
  return found == names_.end() ? 0 : found->first;
}

DropReasons::Bits DropReasons::bits_of(std::span<const std::string_view> constants) const {
  Bits bits{};
  for (const std::string_view constant : constants) {
    const uint32_t number = number_of(constant);
    if (number > 0 && number < SONDE_DROP_REASONS) bits.at(number / 64) |= uint64_t{1} << number % 64;
  }
  return bits;
}

DropReasons::Bits DropReasons::not_missed() const {
  auto constants = kNotMissed;
  if (number_of(kOldSequence) == 0) constants.front() = kOldOrNewSequence;
  return bits_of(constants);
}

DropReasons::Bits DropReasons::not_missed_of_tcp() const {
  return bits_of(kNotMissedOfTcp);
}

std::string DropReasons::word(uint32_t reason) const {
  const uint32_t subsystem = reason >> SONDE_DROP_SUBSYSTEM_SHIFT;
  const auto& names = subsystem == 0 ? names_ : subsystems_;
  const auto found = names.find(subsystem == 0 ? reason : subsystem);
  if (found == names.end()) return "reason_" + std::to_string(reason);
  return word_of(found->second, subsystem == 0 ? kReasonPrefix : kSubsystemPrefix);
}

}  // namespace sonde::exporter
