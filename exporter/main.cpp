#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "common/build_info.h"
#include "common/http/server.h"
#include "common/log.h"
#include "common/shutdown.h"
#include "exporter/exporter.h"
#include "exporter/flows/flows_request.h"
#include "exporter/flows/tracing/trace_pages.h"
#include "exporter/node_lock.h"
#include "exporter/options.h"
#include "exporter/privileges.h"
#include "exporter/process_capabilities.h"

namespace {

using namespace sonde;

constexpr int kExitFailed = 1;
constexpr int kExitWrongOption = 2;

int fail_with(const Error& error) {
  log::error("cannot start", {{"reason", error.message}});
  return error.code == ErrorCode::kInvalid ? kExitWrongOption : kExitFailed;
}

/// Else the thread of each collector keeps a heap as large as its largest scrape took, a third of the whole
/// with 330 containers, and a scrape is no faster for it.
void use_one_heap() {
  ::mallopt(M_ARENA_MAX, 1);
}

/// A trace costs CPU time and shows who talks to whom: not for everyone who may scrape.
void add_trace_pages(http::Server& server, exporter::Tracer& tracer) {
  using http::Server;
  server.post("/trace", Server::restricted([&tracer](const http::Request& request) {
                return exporter::answer_trace(tracer, request);
              }));
  server.get("/traces",
             Server::restricted([&tracer](const http::Request&) { return exporter::answer_traces(tracer); }),
             "the latest traces of connections, as JSON; /traces/ID?format=chrome for Perfetto");
  server.get_below("/traces/", Server::restricted([&tracer](const http::Request& request) {
                     return exporter::answer_trace_page(tracer, request);
                   }));
}

int run(const exporter::Options& options) {
  if (const auto configured = log::configure(options.log.level, options.log.format); !configured) {
    return fail_with(configured.error());
  }
  // Before there is a second thread: each has capabilities of its own, those of the one that started it.
  if (options.drop_privileges) {
    const auto kept =
        exporter::keep_only_capabilities(exporter::needed_capabilities(options, geteuid() == 0));
    if (!kept) {
      return fail_with({kept.error().code, "privileges cannot be dropped: " + kept.error().message +
                                               "; --no-privileges.drop keeps them"});
    }
    log::info("privileges dropped", {{"kept", *kept}});
  }
  Shutdown shutdown;
  FileDescriptor lock;
  if (options.node_lock != "none") {
    auto taken = exporter::take_node_lock(options.node_lock);
    if (!taken) return fail_with(taken.error());
    lock = std::move(*taken);
  }

  std::unique_ptr<exporter::Exporter> exporter;  // before the server, whose handlers use it
  http::Server server(options.web,
                      {"sonde-exporter", "What the kernel knows of each container, for Prometheus."});
  // The port is taken before anything is loaded into the kernel; who asks meanwhile waits.
  if (const auto bound = server.bind(); !bound) return fail_with(bound.error());
  auto created = exporter::Exporter::create(options);
  if (!created) return fail_with(created.error());
  exporter = std::move(*created);
  server.serve_metrics(
      [&](const http::Scrape& scrape, metrics::SeriesWriter& writer) { exporter->scrape(scrape, writer); },
      [&](const http::Request& request) { return exporter->refuse_because(request); },
      {{"collect[]", "only this collector; repeat it for several"},
       {"exclude[]", "all collectors but this one; repeat it for several"}});
  server.get("/mappings", http::Server::restricted([&](const http::Request& request) {
               return exporter->mappings(request);
             }),
             "Flows of pods and what they ride on: tunnels and NAT (JSON; for this host alone without "
             "authentication)",
             {{"pod", "only flows of this pod, at either end"},
              {"namespace", "only flows of this namespace's pods"},
              {"address", "only flows with this address, inside the tunnel or before NAT"},
              {"outer", "only flows that ride on this address of the underlay"},
              {"tunnel", "none, nat, vxlan, geneve or ipip"},
              {"sort", "bytes (without it), rtt or last"},
              {"limit", "how many flows are listed, 1 to 10000; without it 100"}});
  server.get("/flows",
             http::Server::restricted([&](const http::Request& request) { return exporter->flows(request); }),
             "the containers' connections, as JSON; for clients of this host, or with authentication",
             exporter::flows_parameters());
  if (exporter->tracer() != nullptr) add_trace_pages(server, *exporter->tracer());
  if (const auto started = server.start(); !started) return fail_with(started.error());

  shutdown.wait();
  server.stop();
  if (!exporter->stop()) {
    log::warning("a collector is stuck in a call; ending without it");
    std::_Exit(EXIT_SUCCESS);
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  use_one_heap();
  const exporter::CommandLine command_line = exporter::parse_command_line(argc, argv);
  if (command_line.exit_code) {
    std::fputs(command_line.output.c_str(), *command_line.exit_code == 0 ? stdout : stderr);
    return *command_line.exit_code;
  }
  return run(command_line.options);
}
