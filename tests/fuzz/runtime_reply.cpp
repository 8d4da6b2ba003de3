// Arbitrary bytes as the replies of a container runtime: the first byte says of which kind, and where two are
// to be joined the second says where the one ends.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/cri_reply.h"
#include "identity/docker_socket.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::identity;
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  ContainerRecord record;
  switch (data[0] % 4) {
    case 0: {
      const size_t split = data[1] < text.size() ? data[1] : text.size();
      (void)parse_cri_lists(text.substr(0, split), text.substr(split));
      break;
    }
    case 1:
      (void)add_cri_status(text, record);
      break;
    case 2:
      if (const auto records = parse_docker_list(text)) {
        for (const ContainerRecord& one : *records) {
          if (one.id.empty()) std::abort();
        }
      }
      break;
    default:
      (void)add_docker_details(text, record);
  }
  return 0;
}
