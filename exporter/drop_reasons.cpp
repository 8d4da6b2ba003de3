#include "exporter/drop_reasons.h"

#include <bpf/btf.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "bpf/packet_drops.h"

namespace sonde::exporter {
namespace {

constexpr std::string_view kReasonPrefix = "SKB_DROP_REASON_";
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
    : names_(std::move(names)), subsystems_(std::move(subsystems)) {
  for (const auto& [number, name] : names_) {
    if (name == "SKB_CONSUMED") consumed_ = number;
  }
}

std::string DropReasons::word(uint32_t reason) const {
  const uint32_t subsystem = reason >> SONDE_DROP_SUBSYSTEM_SHIFT;
  const auto& names = subsystem == 0 ? names_ : subsystems_;
  const auto found = names.find(subsystem == 0 ? reason : subsystem);
  if (found == names.end()) return "reason_" + std::to_string(reason);
  return word_of(found->second, subsystem == 0 ? kReasonPrefix : kSubsystemPrefix);
}

}  // namespace sonde::exporter
