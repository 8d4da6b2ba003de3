#include "common/metrics/build_info_metric.h"

#include "common/build_info.h"
#include "common/metrics/process_metrics.h"

namespace sonde::metrics {

void write_build_info(std::string_view program, SeriesWriter& writer) {
  const BuildInfo& info = build_info();
  writer.family(kBuildInfo);
  writer.sample({{"program", program},
                 {"version", info.version},
                 {"revision", info.revision},
                 {"branch", info.branch},
                 {"compiler", info.compiler}},
                1);
}

void write_program_metrics(std::string_view program, SeriesWriter& writer) {
  write_build_info(program, writer);
  write_process_metrics(writer);
}

}  // namespace sonde::metrics
