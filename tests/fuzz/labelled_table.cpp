// Tables of labelled rows, as other people write them.

#include "analyzer/evaluation/labelled_table.h"

#include <cstdint>
#include <cstdlib>

using namespace sonde::analyzer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* const group : {"", "run"}) {
    const auto table = parse_labelled_table(text, "table", group);
    if (!table) continue;
    if (table->cells.size() != table->rows() * table->columns.size()) std::abort();
    if (*group != '\0' && table->groups.size() != table->rows()) std::abort();
  }
  return 0;
}
