#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/identity/scratch_directory.h"
#include "tests/support/child_process.h"

namespace sonde::test {

/// One sample for PrometheusServer::write(); the value goes over the wire bit by bit.
struct WrittenSample {
  int64_t timestamp_ms = 0;
  double value = 0;
};

/// One series for PrometheusServer::write(). Labels hold __name__ and are sorted by name.
struct WrittenSeries {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<WrittenSample> samples;
};

/// Debian's Prometheus on a free port of the loopback, with its own data folder; stopped with the object.
///
/// Threads: one.
class PrometheusServer {
 public:
  struct Options {
    std::string config = "global: {}\n";  ///< the whole configuration file
    std::vector<std::string> flags = {};  ///< besides address, folder and remote-write receiver
  };

  /// Starts it and waits until it is ready. `error()` tells if it never was.
  explicit PrometheusServer(const Options& options);
  PrometheusServer() : PrometheusServer(Options{}) {}

  /// "" if the server is ready, else why not.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }

  /// Sends the samples through the remote-write receiver, all series together in time order, as a scrape
  /// would bring them. "" or the first error.
  std::string write(std::span<const WrittenSeries> series) const;

  /// GET path (with its query string); the body, or "" where the status is not 200.
  [[nodiscard]] std::string get(const std::string& path) const;

  /// Stops the process; start() runs it again on the same port and data.
  void stop() { process_.reset(); }
  void start();

 private:
  [[nodiscard]] std::string wait_until_ready() const;

  ScratchDirectory folder_;
  Options options_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> process_;
  std::string error_;
};

/// A port of the loopback that was free a moment ago.
int free_port();

}  // namespace sonde::test
