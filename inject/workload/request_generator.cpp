#include "inject/workload/request_generator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

namespace sonde::inject {
namespace {

/// Moves the calling thread, and only it, into a network namespace.
Result<void> enter_network_namespace(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(ErrorCode::kNotFound, fmt::format("{}: {}", path, std::strerror(errno)));
  const int entered = setns(file, CLONE_NEWNET);
  const int error = errno;
  close(file);
  if (entered != 0) return fail(ErrorCode::kPermission, fmt::format("{}: {}", path, std::strerror(error)));
  return {};
}

}  // namespace

RequestGenerator::RequestGenerator(RequestOptions options, RequestSchedule& schedule,
                                   RequestStatistics& statistics)
    : options_(std::move(options)), schedule_(schedule), statistics_(statistics) {}

Result<void> RequestGenerator::start() {
  if (!options_.network_namespace.empty()) {
    // Tried once on a thread of its own, so that a wrong path ends the start and not sixteen workers.
    Result<void> entered;
    std::jthread([&] { entered = enter_network_namespace(options_.network_namespace); }).join();
    if (!entered) return entered;
  }
  for (unsigned worker = 0; worker < options_.workers; ++worker) {
    workers_.emplace_back([this, worker](const std::stop_token& stop) { work(stop, worker); });
  }
  return {};
}

void RequestGenerator::work(const std::stop_token& stop, unsigned worker) {
  if (!options_.network_namespace.empty() && !enter_network_namespace(options_.network_namespace)) return;
  httplib::Client client(options_.target.host(), options_.target.port());
  client.set_keep_alive(true);
  client.set_connection_timeout(5);
  client.set_read_timeout(5);
  std::minstd_rand random(worker + 1);
  while (const auto due = schedule_.wait(stop)) {
    const auto answer = client.Get(options_.target.next_path(random));
    statistics_.record(answer ? answer->status : 0,
                       std::chrono::duration<double>(SteadyClock::now() - *due).count());
  }
}

}  // namespace sonde::inject
