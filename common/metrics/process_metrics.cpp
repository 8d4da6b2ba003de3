#include "common/metrics/process_metrics.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace sonde::metrics {
namespace {

constexpr std::array<MetricRow, 7> kRows = {{
    {"process_cpu_seconds_total", MetricType::kCounter, "seconds", "",
     "Total user and system CPU time spent in seconds."},
    {"process_resident_memory_bytes", MetricType::kGauge, "bytes", "", "Resident memory size in bytes."},
    {"process_virtual_memory_bytes", MetricType::kGauge, "bytes", "", "Virtual memory size in bytes."},
    {"process_start_time_seconds", MetricType::kGauge, "seconds", "",
     "Start time of the process since unix epoch in seconds."},
    {"process_threads", MetricType::kGauge, "", "", "Number of threads."},
    {"process_open_fds", MetricType::kGauge, "", "", "Number of open file descriptors."},
    {"process_max_fds", MetricType::kGauge, "", "", "Maximum number of open file descriptors."},
}};
enum RowIndex : size_t { kCpu, kResident, kVirtual, kStart, kThreads, kOpenFds, kMaxFds };

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Seconds since the epoch when the machine booted: the line "btime N" of /proc/stat.
std::optional<double> boot_time(const std::string& proc) {
  std::ifstream file(proc + "/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return number(std::string_view(line).substr(6));
  }
  return std::nullopt;
}

/// The fields of /proc/self/stat behind the program's name, which may hold blanks and brackets itself. The
/// first is the state, the 3rd field of proc(5).
std::vector<std::string> stat_fields(const std::string& proc) {
  std::ifstream file(proc + "/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(text.substr(name_end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

void write_stat(SeriesWriter& writer, const std::string& proc) {
  const std::vector<std::string> fields = stat_fields(proc);
  const auto field = [&](size_t number_in_proc5) -> std::optional<double> {
    const size_t index = number_in_proc5 - 3;
    return index < fields.size() ? number(fields[index]) : std::nullopt;
  };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto write = [&](RowIndex row, std::optional<double> value) {
    if (!value) return;
    writer.family(kRows[row]);
    writer.sample(*value);
  };
  const auto user = field(14);
  const auto system = field(15);
  if (user && system) write(kCpu, (*user + *system) / ticks);
  const auto pages = field(24);
  if (pages) write(kResident, *pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  write(kVirtual, field(23));
  const auto booted = boot_time(proc);
  const auto started = field(22);
  if (booted && started) write(kStart, *booted + *started / ticks);
  write(kThreads, field(20));
}

std::optional<double> open_descriptors(const std::string& proc) {
  const std::string path = proc + "/self/fd";
  struct statfs system{};
  struct stat status{};
  // Linux 6.2 and later tell their number at once; before, the size is 0.
  if (::statfs(path.c_str(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC &&
      ::stat(path.c_str(), &status) == 0 && status.st_size > 0) {
    return static_cast<double>(status.st_size);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (!folder) return std::nullopt;
  double count = -1;  // the folder's own
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

}  // namespace

std::span<const MetricRow> process_metric_rows() {
  return kRows;
}

void write_process_metrics(SeriesWriter& writer, const std::string& proc) {
  write_stat(writer, proc);
  if (const auto count = open_descriptors(proc)) {
    writer.family(kRows[kOpenFds]);
    writer.sample(*count);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    writer.family(kRows[kMaxFds]);
    writer.sample(static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace sonde::metrics
