#include "tests/support/prometheus_server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <snappy.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <thread>

#include "analyzer/proto/remote_read.pb.h"

namespace sonde::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kPoll = std::chrono::milliseconds(20);
/// Prometheus refuses samples over an hour older than the newest: all series advance together by this much.
constexpr int64_t kSliceMs = 20 * 60'000;
constexpr int kMostSamples = 50'000;  // of one write request

std::string send_write(httplib::Client& client, prometheus::WriteRequest& request) {
  std::string body;
  const std::string plain = request.SerializeAsString();
  snappy::Compress(plain.data(), plain.size(), &body);
  request.Clear();
  const httplib::Headers headers = {{"Content-Encoding", "snappy"},
                                    {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  const auto answer = client.Post("/api/v1/write", headers, body, "application/x-protobuf");
  if (!answer) return "no answer to a write";
  return answer->status == 204 ? ""
                               : "write answered " + std::to_string(answer->status) + ": " + answer->body;
}

std::string tail_of(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.substr(text.size() - std::min<size_t>(text.size(), 2000));
}

/// Writes series slice by slice.
class Writer {
 public:
  Writer(int port, std::span<const WrittenSeries> series) : client_("127.0.0.1", port), series_(series) {
    client_.set_read_timeout(kPatience);
    next_.resize(series.size());
  }

  std::string run() {
    int64_t first_ms = std::numeric_limits<int64_t>::max();
    int64_t last_ms = std::numeric_limits<int64_t>::min();
    for (const WrittenSeries& one : series_) {
      if (one.samples.empty()) continue;
      first_ms = std::min(first_ms, one.samples.front().timestamp_ms);
      last_ms = std::max(last_ms, one.samples.back().timestamp_ms);
    }
    std::string error;
    for (int64_t end_ms = first_ms + kSliceMs; error.empty() && end_ms - kSliceMs <= last_ms;
         end_ms += kSliceMs) {
      error = write_until(end_ms);
    }
    return error;
  }

 private:
  std::string write_until(int64_t end_ms) {
    prometheus::WriteRequest request;
    int samples = 0;
    std::string error;
    for (size_t s = 0; s < series_.size() && error.empty(); ++s) {
      const std::vector<WrittenSample>& from = series_[s].samples;
      if (next_[s] == from.size() || from[next_[s]].timestamp_ms >= end_ms) continue;
      prometheus::TimeSeries& series = *request.add_timeseries();
      for (const auto& [name, value] : series_[s].labels) {
        prometheus::Label& label = *series.add_labels();
        label.set_name(name);
        label.set_value(value);
      }
      for (; next_[s] < from.size() && from[next_[s]].timestamp_ms < end_ms; ++next_[s], ++samples) {
        prometheus::Sample& sample = *series.add_samples();
        sample.set_timestamp(from[next_[s]].timestamp_ms);
        sample.set_value(from[next_[s]].value);
      }
      if (samples >= kMostSamples) {
        error = send_write(client_, request);
        samples = 0;
      }
    }
    return !error.empty() || samples == 0 ? error : send_write(client_, request);
  }

  httplib::Client client_;
  std::span<const WrittenSeries> series_;
  std::vector<size_t> next_;
};

}  // namespace

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port on the loopback");
  return ntohs(address.sin_port);
}

PrometheusServer::PrometheusServer(const Options& options) : options_(options) {
  folder_.write("prometheus.yml", options_.config);
  constexpr int kAttempts = 3;  // another process may take the port meanwhile
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    port_ = free_port();
    start();
    if (error_.empty()) return;
  }
}

void PrometheusServer::start() {
  std::vector<std::string> command = {"prometheus",
                                      "--config.file=" + folder() + "/prometheus.yml",
                                      "--storage.tsdb.path=" + folder() + "/data",
                                      "--storage.tsdb.retention.time=10y",
                                      "--web.listen-address=127.0.0.1:" + std::to_string(port_),
                                      "--web.enable-remote-write-receiver",
                                      "--log.level=warn"};
  command.insert(command.end(), options_.flags.begin(), options_.flags.end());
  process_ = std::make_unique<ChildProcess>(command, folder() + "/log");
  error_ = wait_until_ready();
}

std::string PrometheusServer::wait_until_ready() const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline && process_->running()) {
    if (!get("/-/ready").empty()) return "";
    std::this_thread::sleep_for(kPoll);
  }
  return "prometheus did not become ready: " + tail_of(folder() + "/log");
}

std::string PrometheusServer::write(std::span<const WrittenSeries> series) const {
  return Writer(port_, series).run();
}

std::string PrometheusServer::get(const std::string& path) const {
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(kPatience);
  const auto answer = client.Get(path);
  return answer && answer->status == 200 ? answer->body : "";
}

}  // namespace sonde::test
