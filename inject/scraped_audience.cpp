#include <fmt/format.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics/build_info_metric.h"
#include "inject/audience.h"
#include "inject/fault_publication.h"

namespace sonde::inject {
namespace {

constexpr unsigned kScrapesOfEnd = 2;

class ScrapedAudience : public Audience {
 public:
  ScrapedAudience(const http::WebOptions& web, const identity::ContainerName& name, std::string_view fault,
                  std::chrono::milliseconds linger)
      : fault_(publication_.add(name, fault)),
        linger_(linger),
        server_(web, {"sonde-inject", "Puts a fault into one container and publishes when it was there."}) {
    server_.serve_metrics([this](const http::Scrape& scrape, metrics::SeriesWriter& writer) {
      publication_.write(writer, scrape.request.method == "GET");
      metrics::write_program_metrics("sonde-inject", writer);
    });
  }

  Result<void> start() override { return server_.start(); }

  void placed(double) override { publication_.set_placed(fault_); }

  void proven(double start_seconds, const Effect& effect) override {
    publication_.set_readings(fault_, effect.readings);
    publication_.set_active(fault_, start_seconds);
  }

  void measured(const Effect& effect) override { publication_.set_readings(fault_, effect.readings); }

  void ended(double end_seconds) override { publication_.set_ended(fault_, end_seconds); }

  void left_in_place() override { publication_.set_left(fault_); }

  void linger(SignalQueue& signals) override {
    const SteadyTime deadline = SteadyClock::now() + linger_;
    log::info("waiting until the end was scraped twice; a signal leaves at once",
              {{"at_most_ms", linger_.count()}});
    while (publication_.scrapes_of_end() < kScrapesOfEnd && SteadyClock::now() < deadline) {
      wait_for({signals.descriptor(), publication_.scraped_descriptor()}, deadline);
      if (signals.take() != 0) return;
      uint64_t count = 0;  // emptied, so that the next wait sleeps
      if (read(publication_.scraped_descriptor(), &count, sizeof count) < 0) continue;
    }
  }

  [[nodiscard]] bool has_listened() const override { return publication_.was_scraped(); }

 private:
  FaultPublication publication_;
  size_t fault_;
  std::chrono::milliseconds linger_;
  http::Server server_;  // its threads see the publication only, and end first
};

}  // namespace

std::unique_ptr<Audience> make_scraped_audience(const http::WebOptions& web,
                                                const identity::ContainerName& name, std::string_view fault,
                                                std::chrono::milliseconds linger) {
  return std::make_unique<ScrapedAudience>(web, name, fault, linger);
}

}  // namespace sonde::inject
