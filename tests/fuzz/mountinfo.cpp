// Arbitrary bytes as /proc/self/mountinfo, and their tail as /proc/self/cgroup.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/cgroup_mounts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::identity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entries = parse_mountinfo(text.substr(0, size - size / 4));
  for (const HostRoots& roots : {HostRoots{}, HostRoots{"/proc", "/host/cgroup"}}) {
    const CgroupMounts mounts = choose_cgroup_mounts(entries, text.substr(size - size / 4), roots);
    if (mounts.mounts().size() > kHierarchyCount) std::abort();
    for (const Hierarchy hierarchy : kHierarchies) {
      const bool mounted = mounts.find(hierarchy) != nullptr;
      if (!mounted && !mounts.directory(hierarchy, "/shop/api-1").empty()) std::abort();
    }
  }
  return 0;
}
