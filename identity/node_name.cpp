#include "identity/node_name.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

namespace sonde::identity {

std::string node_name() {
  if (const char* const name = std::getenv("NODE_NAME"); name != nullptr && *name != '\0') return name;
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace sonde::identity
