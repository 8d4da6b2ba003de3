#include "exporter/process_capabilities.h"

#include <fmt/format.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <type_traits>

namespace sonde::exporter {
namespace {

struct Free {
  void operator()(void* memory) const { cap_free(memory); }
};
using Sets = std::unique_ptr<std::remove_pointer_t<cap_t>, Free>;

bool is_set(const Sets& sets, int capability, cap_flag_t set) {
  cap_flag_value_t value = CAP_CLEAR;
  return cap_get_flag(sets.get(), capability, set, &value) == 0 && value == CAP_SET;
}

tl::unexpected<Error> refused(const char* call) {
  return fail(ErrorCode::kPermission, fmt::format("{}: {}", call, std::strerror(errno)));
}

}  // namespace

bool has_capability(int capability) {
  const Sets sets(cap_get_proc());
  return sets && is_set(sets, capability, CAP_EFFECTIVE);
}

Result<std::string> keep_only_capabilities(const std::set<int>& capabilities) {
  const Sets before(cap_get_proc());
  const Sets after(cap_init());
  if (!before || !after) return refused("cap_get_proc");
  const bool may_bound = is_set(before, CAP_SETPCAP, CAP_EFFECTIVE);
  std::string names;
  for (cap_value_t capability = 0; capability < cap_max_bits(); ++capability) {
    if (!capabilities.contains(capability)) {
      if (may_bound && cap_drop_bound(capability) != 0) return refused("cap_drop_bound");
      continue;
    }
    for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE}) {
      if (is_set(before, capability, set)) cap_set_flag(after.get(), set, 1, &capability, CAP_SET);
    }
    if (!is_set(after, capability, CAP_EFFECTIVE)) continue;
    const std::unique_ptr<char, Free> name(cap_to_name(capability));
    names += (names.empty() ? "" : ",") + std::string(name.get());
  }
  // The ambient set goes with the inheritable one.
  if (cap_set_proc(after.get()) != 0) return refused("cap_set_proc");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("PR_SET_NO_NEW_PRIVS");
  return names.empty() ? "none" : names;
}

}  // namespace sonde::exporter
