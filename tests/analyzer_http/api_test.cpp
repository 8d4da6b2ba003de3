// The handlers behind the real HTTP server, asked over the loopback.
#include "analyzer/http_api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <new>
#include <thread>

#include "tests/analyzer_http/made_report.h"
#include "tests/http/raw_client.h"

namespace sonde::analyzer {
namespace {

using http::RawAnswer;
using testing::HasSubstr;

http::WebOptions loopback() {
  http::WebOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  return options;
}

/// An analyzer whose reports the test publishes and whose past the test makes up.
class ApiTest : public testing::Test {
 protected:
  void start(DiagnosisQueue::Work work, size_t capacity = 2) {
    past_ = std::make_unique<DiagnosisQueue>(std::move(work), capacity);
    ApiContext context{reports_, health_, *past_, [this] { return now_ms_.load(); }, [] { return 10'000; },
                       {}};
    context.reload = reload_;
    add_api(server_, context);
    ASSERT_TRUE(server_.start());
  }
  void start() {
    start(
        [](const PastRequest&) -> Result<ReportPointer> { return fail(ErrorCode::kUnavailable, "no past"); });
  }
  void TearDown() override { server_.stop(); }

  RawAnswer get(const std::string& path, const std::string& headers = "") {
    const std::optional<RawAnswer> answer = http::get(server_.port(), path, headers);
    EXPECT_TRUE(answer) << path;
    return answer.value_or(RawAnswer{});
  }

  ReportStore reports_;
  HealthBoard health_;
  std::atomic<int64_t> now_ms_ = kReportTime + 1000;
  std::function<Result<void>()> reload_;
  std::unique_ptr<DiagnosisQueue> past_;
  http::Server server_{loopback(), {"sonde-analyzer", "test"}};
};

TEST_F(ApiTest, BeforeTheFirstReportItIsHealthyButNotReady) {
  start();
  EXPECT_EQ(get("/-/healthy").status, 200);
  EXPECT_EQ(get("/-/ready").status, 503);
  const RawAnswer answer = get("/diagnose");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("retry-after"), "5");
  EXPECT_THAT(answer.body, HasSubstr("no report yet"));
}

TEST_F(ApiTest, ServesTheLastReport) {
  reports_.publish(share(culprit_report()));
  start();
  EXPECT_EQ(get("/-/ready").status, 200);
  const RawAnswer answer = get("/diagnose?service=api");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_THAT(answer.body, HasSubstr("\"verdict\": \"culprit\""));
  EXPECT_THAT(get("/metrics").body, HasSubstr("sonde_culprit{"));
}

TEST_F(ApiTest, AnAlertsLinkWithTheTimeOfTheLastReportNeedsNoPast) {
  reports_.publish(share(culprit_report()));
  start();
  EXPECT_EQ(get("/diagnose?service=api&time=1700000000").status, 200);
}

TEST_F(ApiTest, ABrowserGetsAPage) {
  reports_.publish(share(culprit_report()));
  start();
  const RawAnswer answer = get("/diagnose?service=api", "Accept: text/html,*/*;q=0.8\r\n");
  EXPECT_THAT(answer.headers.at("content-type"), HasSubstr("text/html"));
  EXPECT_THAT(answer.body, HasSubstr("<!DOCTYPE html>"));
  const RawAnswer wrong = get("/diagnose?service=nobody", "Accept: text/html\r\n");
  EXPECT_EQ(wrong.status, 404);
  EXPECT_THAT(wrong.body, HasSubstr("known services"));
  EXPECT_THAT(wrong.body, HasSubstr("<a href=\"?\">All services</a>"));
}

TEST_F(ApiTest, MistakesAre400WithTheRemedyAndUnknownServices404) {
  reports_.publish(share(culprit_report()));
  start();
  EXPECT_EQ(get("/diagnose?time=noon").status, 400);
  EXPECT_EQ(get("/diagnose?service=cache").status, 400);
  EXPECT_THAT(get("/diagnose?service=cache").body, HasSubstr("shop/cache, test/cache"));
  EXPECT_EQ(get("/diagnose?service=nobody").status, 404);
}

TEST_F(ApiTest, PastMaxAgeResultsAreWithdrawnAndTheAgeStays) {
  reports_.publish(share(culprit_report()));
  now_ms_ = kReportTime + 10'001;
  start();
  const std::string metrics = get("/metrics").body;
  EXPECT_EQ(metrics.find("sonde_culprit{"), std::string::npos);
  EXPECT_EQ(metrics.find("sonde_anomaly_score{"), std::string::npos);
  EXPECT_THAT(metrics, HasSubstr("sonde_analyzer_report_age_seconds 10.001"));
  const RawAnswer answer = get("/diagnose?service=api");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("too old to judge by"));
}

TEST_F(ApiTest, IsReadyOnlyWhileTheReportIsFreshAndSaysWhyNot) {
  reports_.publish(share(culprit_report()));
  start();
  now_ms_ = kReportTime + 10'000;
  EXPECT_EQ(get("/-/ready").status, 200);
  now_ms_ = kReportTime + 10'001;
  health_.tick_failed(0.1, "connect", "http://p:9090/api/v1/read: cannot connect");
  const RawAnswer answer = get("/-/ready");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("the last data is 10 s old"));
  EXPECT_THAT(answer.body, HasSubstr("http://p:9090/api/v1/read: cannot connect"));
  now_ms_ = kReportTime + 9'000;
  EXPECT_EQ(get("/-/ready").status, 200) << "and is again with the next report";
}

TEST_F(ApiTest, WhoReadsNothingSaysWhichFaultItWas) {
  start();
  health_.tick_failed(0.1, "connect", "http://p:9090/api/v1/read: cannot connect");
  for (const char* path : {"/-/ready", "/diagnose"}) {
    const RawAnswer answer = get(path);
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.body, HasSubstr("nothing could be read from Prometheus so far; the last fault: "
                                       "http://p:9090/api/v1/read: cannot connect"));
  }
  health_.tick_succeeded(0.1, 0, 0, false, 1);
  EXPECT_EQ(get("/-/ready").body.find("cannot connect"), std::string::npos) << "it is over";
}

TEST_F(ApiTest, AWindowThatTheWorkRefusesIs400) {
  start([](const PastRequest&) -> Result<ReportPointer> { return fail(ErrorCode::kInvalid, "too long"); });
  EXPECT_EQ(get("/diagnose?time=1699990000&window=7d").status, 400);
}

TEST_F(ApiTest, ADiagnosisThatThrowsIs503AndTheNextOneIsAnswered) {
  start([](const PastRequest& request) -> Result<ReportPointer> {
    if (request.time_ms == 1000) throw std::bad_alloc();
    if (request.time_ms == 2000) throw 7;
    return fail(ErrorCode::kNotFound, "nothing then");
  });
  const RawAnswer answer = get("/diagnose?time=1");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("std::bad_alloc; try a shorter window="));
  EXPECT_EQ(get("/diagnose?time=2").status, 503);
  EXPECT_EQ(get("/diagnose?time=3").status, 404);
}

TEST_F(ApiTest, APastTimeIsWorkedOutByTheQueue) {
  reports_.publish(share(culprit_report()));
  std::atomic<int64_t> asked_time = 0;
  std::atomic<int64_t> asked_window = 0;
  start([&](const PastRequest& request) -> Result<ReportPointer> {
    asked_time = request.time_ms;
    asked_window = request.window_ms;
    Report past = culprit_report();
    past.time_ms = request.time_ms;
    return share(past);
  });
  const RawAnswer answer = get("/diagnose?service=api&time=1699990000&window=5m");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(asked_time, 1'699'990'000'000);
  EXPECT_EQ(asked_window, 300'000);
  EXPECT_THAT(answer.body, HasSubstr("\"time_ms\": 1699990000000"));
}

TEST_F(ApiTest, AFullQueueAnswers503WithRetryAfter) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::latch working(1);
  start(
      [&, released](const PastRequest& request) -> Result<ReportPointer> {
        if (request.time_ms == 1'000) working.count_down();
        released.wait();
        return fail(ErrorCode::kNotFound, "nothing then");
      },
      1);
  std::thread first([&] { EXPECT_EQ(get("/diagnose?time=1").status, 404); });
  working.wait();  // in work; the next one waits in the queue, the one after finds it full
  std::atomic<int> refused = 0;
  std::atomic<int> answered = 0;
  std::thread second([&] { (get("/diagnose?time=2").status == 503 ? refused : answered)++; });
  std::thread third([&] {
    const RawAnswer answer = get("/diagnose?time=3");
    (answer.status == 503 ? refused : answered)++;
  });
  while (refused == 0) std::this_thread::yield();
  release.set_value();
  for (std::thread* thread : {&first, &second, &third}) thread->join();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(answered, 1);
}

TEST_F(ApiTest, TheLandingPageExplainsWhatDiagnoseTakes) {
  start();
  const std::string page = get("/").body;
  EXPECT_THAT(page, HasSubstr("<a href=\"/diagnose\">/diagnose</a>"));
  for (const char* name : {"namespace", "service", "time", "window", "format"}) {
    EXPECT_THAT(page, HasSubstr("<li><code>" + std::string(name) + "=</code> "));
  }
}

TEST_F(ApiTest, ReloadingIsOffUnlessAskedFor) {
  start();
  http::RawClient client(server_.port());
  client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_answer()->status, 403);
}

TEST_F(ApiTest, AFailedReloadSaysWhy) {
  reload_ = []() -> Result<void> { return fail(ErrorCode::kInvalid, "analyzer.yml:3: no"); };
  start();
  http::RawClient client(server_.port());
  client.send("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  const std::optional<RawAnswer> answer = client.read_answer();
  EXPECT_EQ(answer->status, 500);
  EXPECT_THAT(answer->body, HasSubstr("the old configuration stays in use: analyzer.yml:3: no"));
}

// Under ThreadSanitizer: reports are replaced while handlers read them.
TEST_F(ApiTest, ReportsAreReplacedWhileManyRead) {
  reports_.publish(share(culprit_report()));
  start();
  std::jthread publisher([&](const std::stop_token& stop) {
    for (int64_t i = 0; !stop.stop_requested(); ++i) {
      Report report = culprit_report();
      report.time_ms += i % 900;
      reports_.publish(share(report));
      health_.tick_succeeded(0.1, 1, 2, true, 3);
    }
  });
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        EXPECT_EQ(get("/metrics").status, 200);
        EXPECT_EQ(get("/diagnose?service=api").status, 200);
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST(DiagnosisQueue, AnswersTheWaitingWhenItEnds) {
  std::promise<void> release;
  std::latch working(1);
  auto queue = std::make_unique<DiagnosisQueue>(
      [&](const PastRequest&) -> Result<ReportPointer> {
        working.count_down();
        release.get_future().wait();
        return share(culprit_report());
      },
      4);
  auto in_work = std::async(std::launch::async, [&] { return queue->ask({1, 0}, std::chrono::minutes(1)); });
  working.wait();
  release.set_value();
  EXPECT_TRUE(in_work.get());
  queue.reset();
}

TEST(DiagnosisQueue, GivesUpWhenTheTimeIsOver) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  DiagnosisQueue queue(
      [released](const PastRequest&) -> Result<ReportPointer> {
        released.wait();
        return share(culprit_report());
      },
      4);
  const Result<ReportPointer> answer = queue.ask({1, 0}, std::chrono::milliseconds(20));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
  release.set_value();
}

}  // namespace
}  // namespace sonde::analyzer
