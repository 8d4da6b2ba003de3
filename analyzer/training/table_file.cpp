#include "analyzer/training/table_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "analyzer/query/csv.h"

namespace sonde::analyzer {
namespace {

bool write_gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  constexpr size_t kBlock = size_t{1} << 20;
  bool good = true;
  for (size_t begin = 0; good && begin < text.size(); begin += kBlock) {
    const auto size = static_cast<unsigned>(std::min(kBlock, text.size() - begin));
    good = gzwrite(file, text.data() + begin, size) == static_cast<int>(size);
  }
  return gzclose(file) == Z_OK && good;
}

bool write_plain(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return static_cast<bool>(file);
}

}  // namespace

std::string dataset_csv(const Dataset& dataset, bool injection_column) {
  std::string text = "time";
  const auto out = std::back_inserter(text);
  const LabelledTable& table = dataset.table;
  for (const std::string& column : table.columns) text += "," + csv_field(column);
  text += injection_column ? ",injection,label\n" : ",label\n";
  for (size_t row = 0; row < table.rows(); ++row) {
    fmt::format_to(out, "{}.{:03}", dataset.times_ms[row] / 1000, dataset.times_ms[row] % 1000);
    for (size_t column = 0; column < table.columns.size(); ++column) {
      fmt::format_to(out, ",{}", table.cells[row * table.columns.size() + column]);
    }
    if (injection_column) fmt::format_to(out, ",{}", table.groups[row]);
    fmt::format_to(out, ",{}\n", csv_field(table.labels[row]));
  }
  return text;
}

Result<void> write_table_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".part";
  errno = 0;
  const bool written = path.ends_with(".gz") ? write_gzip(temporary, text) : write_plain(temporary, text);
  if (written && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int reason = errno;
  std::remove(temporary.c_str());
  return fail(reason == EACCES ? ErrorCode::kPermission : ErrorCode::kUnavailable,
              fmt::format("--output={}: cannot be written: {}; name a file in a folder that can be", path,
                          reason == 0 ? "the disk did not take it" : std::strerror(reason)));
}

}  // namespace sonde::analyzer
