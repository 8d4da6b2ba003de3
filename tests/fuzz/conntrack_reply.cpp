// Arbitrary bytes as what the kernel sends over ctnetlink.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "exporter/flows/mapping/conntrack_message.h"
#include "exporter/flows/mapping/translation_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::exporter;
  const auto reply = parse_conntrack_reply(std::as_bytes(std::span(data, size)));
  if (!reply) return 0;
  // An entry has at least a message's header, and is counted once.
  if (reply->connections.size() + reply->untranslated + reply->malformed > size / 16 + 1) std::abort();
  const TranslationTable table(reply->connections);
  for (const TranslatedConnection& connection : reply->connections) {
    const FlowView inside{connection.original.source, connection.original.destination,
                          connection.original.protocol};
    const auto beyond = table.beyond(inside);
    // Nothing is said of what two connections share; else the way there and back must meet.
    if (beyond && table.at_container(*beyond) && table.at_container(*beyond) != inside) std::abort();
  }
  return 0;
}
