#include "demo/api/item_page.h"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace sonde::demo {
namespace {

/// FNV-1a over the text, each round starting from the last one's result.
uint64_t checksum(std::string_view text, unsigned rounds) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned round = 0; round < rounds; ++round) {
    for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

std::string item_page(int item, std::string_view description, bool cached, unsigned rounds) {
  const nlohmann::json page = {{"id", item},
                               {"description", description},
                               {"cached", cached},
                               {"checksum", checksum(description, rounds)}};
  // A description is outside bytes: what is not UTF-8 is replaced rather than thrown at.
  return page.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace sonde::demo
