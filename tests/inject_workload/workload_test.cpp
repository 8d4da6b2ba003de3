// Against a real HTTP server: ours.
#include "inject/workload/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/http/server.h"
#include "tests/support/exposition.h"

namespace sonde::inject {
namespace {

test::Exposition scrape(const Workload& workload) {
  metrics::SeriesWriter writer;
  workload.write_metrics(writer);
  auto page = test::parse_exposition(writer.text());
  EXPECT_TRUE(page) << page.error().message;
  return page.value_or(test::Exposition{});
}

class WorkloadOnAServer : public testing::Test {
 protected:
  WorkloadOnAServer() : server_(local(), {"shop", "For a test."}) {
    server_.get("/item", [this](const http::Request& request) {
      ++requests_;
      http::Response response;
      response.status = request.parameter("id").empty() ? 404 : 200;
      return response;
    });
    EXPECT_TRUE(server_.start());
  }

  static http::WebOptions local() {
    http::WebOptions web;
    web.listen_addresses = {"127.0.0.1:0"};
    return web;
  }

  [[nodiscard]] WorkloadOptions options(double rate) const {
    WorkloadOptions options;
    options.requests.target =
        RequestTarget::parse("http://127.0.0.1:" + std::to_string(server_.port()) + "/item?id={1-9}").value();
    options.requests.workers = 4;
    options.rate = rate;
    return options;
  }

  void wait_for_requests(int count) const {
    const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
    while (requests_ < count && SteadyClock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  static bool becomes(const Workload& workload, const std::string& metric, double value) {
    const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
    while (scrape(workload).value(metric, {}) != value && SteadyClock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return SteadyClock::now() < deadline;
  }

  std::atomic<int> requests_ = 0;
  http::Server server_;
};

TEST_F(WorkloadOnAServer, SendsAndCounts) {
  Workload workload(options(200));
  ASSERT_TRUE(workload.start());
  wait_for_requests(40);
  const auto page = scrape(workload);
  EXPECT_GE(page.value("sonde_workload_requests_total", {{"code", "200"}}), 30);
  EXPECT_EQ(page.value("sonde_workload_requests_total", {{"code", "0"}}), 0);
  EXPECT_EQ(page.value("sonde_workload_asked_rate", {}), 200);
  EXPECT_EQ(page.value("sonde_workload_heavy", {}), 0);
}

TEST_F(WorkloadOnAServer, ChangesItsRateAndSaysWhenItIsHeavy) {
  Workload workload(options(10));
  ASSERT_TRUE(workload.start());
  EXPECT_FALSE(workload.was_heavy());
  workload.set_heavy(3);
  EXPECT_EQ(scrape(workload).value("sonde_workload_heavy", {}), 0) << "nothing was answered yet";
  EXPECT_EQ(scrape(workload).value("sonde_workload_asked_rate", {}), 30);
  EXPECT_TRUE(becomes(workload, "sonde_workload_heavy", 1));
  EXPECT_TRUE(workload.was_heavy());
  workload.set_rate(20);
  EXPECT_EQ(scrape(workload).value("sonde_workload_asked_rate", {}), 60);
  workload.set_heavy(1);
  EXPECT_EQ(scrape(workload).value("sonde_workload_heavy", {}), 0);
  EXPECT_EQ(scrape(workload).value("sonde_workload_asked_rate", {}), 20);
}

TEST_F(WorkloadOnAServer, IsNeverHeavyWhereNobodyAnswers) {
  server_.stop();
  Workload workload(options(50));
  ASSERT_TRUE(workload.start());
  workload.set_heavy(3);
  const auto unanswered = [&] {
    const auto page = scrape(workload);
    EXPECT_EQ(page.value("sonde_workload_heavy", {}), 0);
    return page.value("sonde_workload_requests_total", {{"code", "0"}});
  };
  while (unanswered() < 400) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_FALSE(workload.was_heavy());
}

TEST_F(WorkloadOnAServer, TakesANewRateWithTheNextRequest) {
  WorkloadOptions slow = options(0.5);
  slow.requests.workers = 16;  // that ask for 32 s ahead, where each claims a time of its own
  Workload workload(std::move(slow));
  ASSERT_TRUE(workload.start());
  wait_for_requests(1);
  const SteadyTime begin = SteadyClock::now();
  workload.set_rate(100);
  wait_for_requests(50);
  EXPECT_LT(SteadyClock::now() - begin, std::chrono::seconds(10));
}

TEST_F(WorkloadOnAServer, RefusesANetworkNamespaceThatIsNotThere) {
  WorkloadOptions wrong = options(10);
  wrong.requests.network_namespace = "/run/netns/sonde-no-such";
  Workload workload(std::move(wrong));
  const auto started = workload.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, testing::HasSubstr("/run/netns/sonde-no-such"));
}

}  // namespace
}  // namespace sonde::inject
