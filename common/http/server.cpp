#include "common/http/server.h"

#include <fmt/format.h>
#include <malloc.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "common/http/access/web_access.h"
#include "common/http/compression.h"
#include "common/http/connection_loop.h"
#include "common/http/landing_page.h"
#include "common/http/listen_address.h"
#include "common/http/restricted.h"
#include "common/log.h"

namespace sonde::http {
namespace {

constexpr std::string_view kTextFormat = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::chrono::seconds kDefaultScrapeTimeout{10};  // Prometheus's own default
constexpr std::chrono::milliseconds kLargestMargin{500};   // left for sending the answer
constexpr size_t kSmallestCompressed = 1024;               // below that gzip saves no packet
constexpr size_t kWorkersBesideScrapes = 8;  // so that health answers while all scrapes are busy
constexpr size_t kWorkersUnlimited = 256;

struct Route {
  std::string method;
  Handler handler;
  std::string description;
  std::vector<PageParameter> parameters;
};

constexpr int kMebibyte = 1024 * 1024;
constexpr int kLargestKept = 8 * kMebibyte;

/// What a scrape frees, the next one takes: memory that goes back to the kernel has to be faulted in again,
/// page by page, which costs ten times the writing of the page (docs/benchmarks.md, scrape of 20,000 series).
/// Only what is larger than a scrape should be, such as answers that attackers ask for and leave unread, is
/// returned at once.
void keep_memory_for_the_next_scrape() {
  ::mallopt(M_MMAP_THRESHOLD, kLargestKept);
  ::mallopt(M_TRIM_THRESHOLD, 16 * kMebibyte);
}

/// The memory of a page that was sent compressed, for the next scrape's, where malloc() would give it back:
/// of one page. Threads: safe.
class LargePage {
 public:
  void keep(std::string text) {
    // One much larger than its text is of a time with more containers.
    if (text.capacity() <= kLargestKept || text.size() < text.capacity() / 4) return;
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(text_, std::string());
  }

 private:
  std::mutex mutex_;  ///< guards text_
  std::string text_;
};

Response plain(int status, std::string line) {
  Response response;
  response.status = status;
  response.body = std::move(line) + "\n";
  return response;
}

}  // namespace

SteadyTime scrape_deadline(SteadyTime now, const std::string& timeout_seconds) {
  double seconds = 0;
  const char* const end = timeout_seconds.data() + timeout_seconds.size();
  const auto [parsed_to, error] = std::from_chars(timeout_seconds.data(), end, seconds);
  const bool valid = error == std::errc() && parsed_to == end && seconds > 0 && seconds <= 3600;
  std::chrono::duration<double> timeout = kDefaultScrapeTimeout;
  if (valid) timeout = std::chrono::duration<double>(seconds);
  const auto margin = std::min<std::chrono::duration<double>>(kLargestMargin, timeout / 10);
  return now + std::chrono::duration_cast<SteadyClock::duration>(timeout - margin);
}

struct Server::Implementation {
  Implementation(WebOptions web_options, ProgramInfo program_info)
      : options(std::move(web_options)), program(std::move(program_info)) {}

  Response handle(const Request& request) {
    const Handler page = [this](const Request& admitted) { return route(admitted); };
    Response response = access ? access->answer(request, page) : page(request);
    compress(request, response);
    return response;
  }

  Response route(const Request& request) {
    const Route* const found = find(request.path);
    if (found == nullptr) return plain(404, "no such page; / lists the pages there are");
    const Route& there = *found;
    const bool matches =
        request.method == there.method || (request.method == "HEAD" && there.method == "GET");
    if (matches) return there.handler(request);
    Response response = plain(405, fmt::format("this page takes {} only", there.method));
    response.headers["Allow"] = there.method == "GET" ? "GET, HEAD" : there.method;
    return response;
  }

  [[nodiscard]] const Route* find(const std::string& path) const {
    if (const auto page = routes.find(path); page != routes.end()) return &page->second;
    for (const auto& [prefix, route] : below) {
      if (path.starts_with(prefix)) return &route;
    }
    return nullptr;
  }

  void compress(const Request& request, Response& response) {
    if (options.compression != Compression::kGzip || response.body.size() < kSmallestCompressed) return;
    response.headers.emplace("Vary", "Accept-Encoding");
    if (response.headers.contains("Content-Encoding") || !accepts_gzip(request.header("accept-encoding")))
      return;
    large_page.keep(std::exchange(response.body, gzip(response.body)));
    response.headers.emplace("Content-Encoding", "gzip");
  }

  Response scrape(const MetricsFunction& write_metrics, const Request& request) {
    const struct Slot {
      explicit Slot(std::atomic<unsigned>& in_use) : count(in_use), taken(++in_use) {}
      Slot(const Slot&) = delete;
      Slot& operator=(const Slot&) = delete;
      ~Slot() { --count; }
      std::atomic<unsigned>& count;
      const unsigned taken;
    } slot(scrapes);
    if (options.max_requests != 0 && slot.taken > options.max_requests) {
      return plain(503, fmt::format("limit of {} parallel scrapes reached (--web.max-requests)",
                                    options.max_requests));
    }
    const std::string timeout = request.header("x-prometheus-scrape-timeout-seconds");
    metrics::SeriesWriter writer;
    writer.reserve(last_size + last_size / 8, large_page.take());
    write_metrics(Scrape{scrape_deadline(SteadyClock::now(), timeout), request}, writer);
    Response response;
    response.content_type = kTextFormat;
    response.body = writer.take();
    last_size = response.body.size();
    return response;
  }

  Response landing() const {
    std::vector<LandingLink> links;
    for (const auto& [path, route] : routes) {
      if (!route.description.empty()) links.push_back({path, route.description, route.parameters});
    }
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'";
    response.body = landing_page(program, links);
    return response;
  }

  const WebOptions options;
  const ProgramInfo program;
  std::map<std::string, Route> routes;  // by path
  std::map<std::string, Route> below;   // by what the path begins with
  std::function<std::string()> not_ready_because = [] { return std::string(); };
  std::vector<FileDescriptor> sockets;  // from bind() to start()
  std::vector<uint16_t> ports;
  std::atomic<unsigned> scrapes{0};  // that run now
  std::atomic<size_t> last_size{0};  // of a scrape, to reserve for the next
  LargePage large_page;
  std::unique_ptr<WebAccess> access;  // null without --web.config.file
  std::unique_ptr<ConnectionLoop> loop;
};

Server::Server(WebOptions options, ProgramInfo program)
    : implementation_(std::make_unique<Implementation>(std::move(options), std::move(program))) {
  Implementation& self = *implementation_;
  get("/", [&self](const Request&) { return self.landing(); });
  get(
      "/-/healthy", [&self](const Request&) { return plain(200, self.program.name + " is healthy"); },
      "whether the program runs");
  get(
      "/-/ready",
      [&self](const Request&) {
        std::string reason = self.not_ready_because();
        return reason.empty() ? plain(200, self.program.name + " is ready") : plain(503, std::move(reason));
      },
      "whether it does its work, and if not why");
}

Server::~Server() {
  stop();
}

void Server::serve_metrics(MetricsFunction write_metrics,
                           std::function<std::string(const Request&)> refuse_because,
                           std::vector<PageParameter> parameters) {
  Implementation& self = *implementation_;
  get(
      self.options.telemetry_path,
      [&self, write = std::move(write_metrics), refuse = std::move(refuse_because)](const Request& request) {
        if (std::string reason = refuse ? refuse(request) : ""; !reason.empty()) return plain(400, reason);
        return self.scrape(write, request);
      },
      "metrics, for Prometheus", std::move(parameters));
}

void Server::get(const std::string& path, Handler handler, const std::string& description,
                 std::vector<PageParameter> parameters) {
  implementation_->routes[path] = Route{"GET", std::move(handler), description, std::move(parameters)};
}

void Server::post(const std::string& path, Handler handler) {
  implementation_->routes[path] = Route{"POST", std::move(handler), "", {}};
}

void Server::get_below(const std::string& prefix, Handler handler) {
  implementation_->below[prefix] = Route{"GET", std::move(handler), "", {}};
}

Handler Server::restricted(Handler handler) {
  return [handler = std::move(handler)](const Request& request) {
    std::string reason = refuse_unless_trusted(request);
    return reason.empty() ? handler(request) : plain(403, std::move(reason));
  };
}

void Server::set_ready_check(std::function<std::string()> not_ready_because) {
  implementation_->not_ready_because = std::move(not_ready_because);
}

Result<void> Server::bind() {
  Implementation& self = *implementation_;
  if (!self.options.config_file.empty()) {
    auto config = LiveWebConfig::open(self.options.config_file);
    if (!config) return tl::unexpected(config.error());
    self.access = std::make_unique<WebAccess>(std::move(*config), self.program.name);
  }
  std::vector<FileDescriptor> sockets;
  std::vector<uint16_t> ports;
  for (const std::string& text : self.options.listen_addresses) {
    const auto address = parse_listen_address(text);
    if (!address) return tl::unexpected(address.error());
    auto listener = listen_on(*address);
    if (!listener) return tl::unexpected(listener.error());
    ports.push_back(listener->port);
    sockets.push_back(std::move(listener->socket));
  }
  if (sockets.empty()) return fail(ErrorCode::kInvalid, "--web.listen-address: give at least one host:port");
  self.sockets = std::move(sockets);
  self.ports = std::move(ports);
  return {};
}

Result<void> Server::start() {
  Implementation& self = *implementation_;
  if (self.sockets.empty()) {
    if (auto bound = bind(); !bound) return bound;
  }
  keep_memory_for_the_next_scrape();
  TlsProvider tls;
  if (self.access && self.access->tls()) tls = [&self] { return self.access->tls(); };
  for (size_t i = 0; i < self.ports.size(); ++i) {
    log::info(
        "listening",
        {{"address", self.options.listen_addresses[i]}, {"port", self.ports[i]}, {"tls", tls != nullptr}});
  }
  const size_t workers =
      self.options.max_requests == 0 ? kWorkersUnlimited : self.options.max_requests + kWorkersBesideScrapes;
  self.loop = std::make_unique<ConnectionLoop>(
      std::exchange(self.sockets, {}), ConnectionLimits{}, workers,
      [&self](const Request& request) { return self.handle(request); }, tls);
  return {};
}

void Server::stop() {
  implementation_->loop.reset();
}

uint16_t Server::port(size_t i) const {
  return implementation_->ports.at(i);
}

}  // namespace sonde::http
