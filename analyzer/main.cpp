#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "analyzer/evaluation/evaluate_command.h"
#include "analyzer/http_api/api.h"
#include "analyzer/options.h"
#include "analyzer/query/query_command.h"
#include "analyzer/runtime.h"
#include "analyzer/training/calibrate_command.h"
#include "analyzer/training/dataset_command.h"
#include "analyzer/training/train_command.h"
#include "common/clock.h"
#include "common/http/server.h"
#include "common/log.h"
#include "common/shutdown.h"

namespace {

using namespace sonde;

constexpr int kExitFailed = 1;
constexpr int kExitWrongOption = 2;

int fail_with(const Error& error, int exit_code) {
  log::error("cannot start", {{"reason", error.message}});
  return exit_code;
}

int serve(const analyzer::Options& options) {
  if (const auto configured = log::configure(options.log.level, options.log.format); !configured) {
    return fail_with(configured.error(), kExitWrongOption);
  }
  Shutdown shutdown;
  analyzer::Runtime runtime(options.config_file);
  if (const auto loaded = runtime.load(); !loaded) return fail_with(loaded.error(), kExitWrongOption);
  analyzer::DiagnosisQueue past(
      [&](const analyzer::PastRequest& request) { return runtime.diagnose_past(request); },
      runtime.queue_capacity());

  analyzer::ApiContext context{runtime.reports(),
                               runtime.health(),
                               past,
                               unix_milliseconds_now,
                               [&] { return runtime.max_age_ms(); },
                               {}};
  if (options.enable_lifecycle) context.reload = [&] { return runtime.reload(); };
  http::Server server(options.web, {"sonde-analyzer", "Finds the container in trouble from a Prometheus."});
  analyzer::add_api(server, context);
  if (const auto started = server.start(); !started) {
    const bool wrong = started.error().code == ErrorCode::kInvalid;  // such as a host that does not exist
    return fail_with(started.error(), wrong ? kExitWrongOption : kExitFailed);
  }
  runtime.log_start(fmt::format("{}", fmt::join(options.web.listen_addresses, ", ")));
  runtime.start();  // after the port is known to be free; /-/ready says that there is no report yet
  shutdown.wait([&] { static_cast<void>(runtime.reload()); });  // a failure is logged and a metric
  server.stop();
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "query") return analyzer::query_main(argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "evaluate") return analyzer::evaluate_main(argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "dataset") return analyzer::dataset_main(argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "train") return analyzer::train_main(argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "calibrate") return analyzer::calibrate_main(argc, argv);
  const analyzer::CommandLine command_line = analyzer::parse_command_line(argc, argv);
  if (command_line.exit_code) {
    std::fputs(command_line.output.c_str(), *command_line.exit_code == 0 ? stdout : stderr);
    return *command_line.exit_code;
  }
  return serve(command_line.options);
}
