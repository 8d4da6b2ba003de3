#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/http/message.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"

namespace sonde::http {

/// How a scrape's body is sent to a client that accepts gzip.
enum class Compression { kNone, kGzip };

/// The `--web.*` flags that every program has (common/http/web_flags.h adds them to a command line).
struct WebOptions {
  std::vector<std::string> listen_addresses;  ///< host:port, [v6]:port or :port; port 0 takes a free one
  std::string telemetry_path = "/metrics";
  unsigned max_requests = 40;  ///< parallel scrapes; more get 503. 0 = no limit
  Compression compression = Compression::kGzip;
  std::string config_file;  ///< TLS, passwords, headers (docs/web-configuration.md); "" = none of them
};

/// What the landing page and the health endpoints say of a program.
struct ProgramInfo {
  std::string name;         ///< "sonde-exporter"
  std::string description;  ///< one sentence
};

/// A scrape as the metrics function sees it.
struct Scrape {
  SteadyTime deadline;  ///< by when the answer must be complete; from X-Prometheus-Scrape-Timeout-Seconds
  Request request;      ///< for collect[]= and the like
};

/// By when a scrape must be answered: `now` + the value of X-Prometheus-Scrape-Timeout-Seconds less a margin
/// for sending (a tenth, at most 0.5 s). Anything but a number in (0, 3600] counts as Prometheus's default,
/// 10 s.
SteadyTime scrape_deadline(SteadyTime now, const std::string& timeout_seconds);

/// Writes all of a program's metrics; called once per scrape, possibly several at once.
using MetricsFunction = std::function<void(const Scrape&, metrics::SeriesWriter&)>;

/// The one HTTP server of every program: telemetry path, /-/healthy, /-/ready, landing page, extra handlers;
/// behind it cpp-httplib with a guard against slow and oversized requests (docs/decisions/http-guard.md).
///
/// Threads: add handlers before start(); the rest is thread-safe.
class Server {
 public:
  Server(WebOptions options, ProgramInfo program);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves the telemetry path. A request for which `refuse_because` returns a text, such as an unknown
  /// collect[]=, is answered by 400 with it.
  void serve_metrics(MetricsFunction write_metrics,
                     std::function<std::string(const Request&)> refuse_because = {},
                     std::vector<PageParameter> parameters = {});
  /// Adds GET path. `description` puts it on the landing page, with its parameters; empty hides it.
  void get(const std::string& path, Handler handler, const std::string& description = "",
           std::vector<PageParameter> parameters = {});
  void post(const std::string& path, Handler handler);
  /// Adds GET of every path that begins with `prefix`, such as "/traces/", and has no page of its own.
  void get_below(const std::string& prefix, Handler handler);
  /// The handler for those alone who may see or do more than a scrape does: clients that --web.config.file
  /// has authenticated, and without authentication those on this host; the others get 403 with the remedy
  /// (common/http/restricted.h).
  static Handler restricted(Handler handler);
  /// /-/ready answers 200 when this returns "", else 503 with the text. Default: ready once started.
  void set_ready_check(std::function<std::string()> not_ready_because);

  /// Reads the web configuration and binds every address; requests wait until start(). So a program finds out
  /// that its port is taken before it has done anything else. Errors: kUnavailable, kInvalid or kPermission,
  /// naming the address and the remedy; those of LiveWebConfig::open().
  Result<void> bind();
  /// Serves; binds first where bind() was not called. Errors: those of bind().
  Result<void> start();
  /// Stops serving and joins its threads. Called by the destructor too.
  void stop();
  /// The port that the i-th listen address is bound to.
  [[nodiscard]] uint16_t port(size_t i = 0) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sonde::http
