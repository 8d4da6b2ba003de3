// The telemetry path: format, deadline, compression, limit of parallel scrapes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "common/http/server.h"
#include "tests/http/raw_client.h"
#include "tests/support/exposition.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr metrics::MetricRow kMany{"sonde_test_many", metrics::MetricType::kGauge, "", "i", "Many."};

/// Lets handlers wait for the test.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void until_waiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

TEST(Scrape, IsTextFormat004WithoutRepeatedSeries) {
  TestServer test;
  test.start();
  const auto answer = get(test.port(), "/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(test::duplicate_series(answer->body), IsEmpty());
  EXPECT_EQ(test::parse_exposition(answer->body)->value("sonde_test_up"), 1);
}

TEST(Scrape, PathIsSettable) {
  WebOptions options;
  options.telemetry_path = "/federate/it";
  TestServer test(options);
  test.start();
  EXPECT_EQ(get(test.port(), "/federate/it")->status, 200);
  EXPECT_EQ(get(test.port(), "/metrics")->status, 404);
}

TEST(Scrape, DeadlineIsPrometheussTimeoutLessAMargin) {
  const SteadyTime now{};
  using std::chrono::milliseconds;
  EXPECT_EQ(scrape_deadline(now, "10"), now + milliseconds(9500));
  EXPECT_EQ(scrape_deadline(now, "2.0"), now + milliseconds(1800));
  EXPECT_EQ(scrape_deadline(now, "0.1"), now + milliseconds(90));
  for (const char* wrong : {"", "0", "-3", "ten", "10s", "nan", "inf", "1e300", " 5"}) {
    EXPECT_EQ(scrape_deadline(now, wrong), now + milliseconds(9500)) << wrong;
  }
}

TEST(Scrape, TheFunctionSeesDeadlineAndParameters) {
  WebOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  Server server(options, {"sonde-test", "Tests."});
  SteadyClock::duration left{};
  std::string collect;
  server.serve_metrics([&](const http::Scrape& scrape, metrics::SeriesWriter&) {
    left = scrape.deadline - SteadyClock::now();
    collect = scrape.request.parameter("collect[]");
  });
  ASSERT_TRUE(server.start());
  ASSERT_TRUE(get(server.port(), "/metrics?collect[]=cpu", "X-Prometheus-Scrape-Timeout-Seconds: 1800\r\n"));
  server.stop();
  EXPECT_EQ(collect, "cpu");
  EXPECT_GT(left, std::chrono::seconds(900));
  EXPECT_LT(left, std::chrono::seconds(1800));
}

/// A server whose page has 2,000 series.
struct LargePage {
  explicit LargePage(Compression compression) : server(options(compression), {"sonde-test", "Tests."}) {
    server.serve_metrics([](const http::Scrape&, metrics::SeriesWriter& writer) {
      writer.family(kMany);
      for (int i = 0; i < 2000; ++i) writer.sample({{"i", std::to_string(i)}}, i * 1.1);
    });
    EXPECT_TRUE(server.start());
  }
  static WebOptions options(Compression compression) {
    WebOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.compression = compression;
    return options;
  }
  Server server;
};

std::string gunzip(const std::string& compressed, size_t size) {
  std::string out(size, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  return out;
}

TEST(Scrape, GzipDecompressesToTheSamePage) {
  const LargePage page(Compression::kGzip);
  const auto plain = get(page.server.port(), "/metrics");
  const auto packed = get(page.server.port(), "/metrics", "Accept-Encoding: br, gzip\r\n");
  ASSERT_TRUE(plain);
  ASSERT_TRUE(packed);
  EXPECT_FALSE(plain->headers.contains("content-encoding"));
  EXPECT_EQ(packed->headers.at("content-encoding"), "gzip");
  EXPECT_EQ(packed->headers.at("vary"), "Accept-Encoding");
  EXPECT_LT(packed->body.size(), plain->body.size() / 3);
  EXPECT_EQ(gunzip(packed->body, plain->body.size()), plain->body);
}

/// Its memory is used again from about 8 MB on.
TEST(Scrape, ALargePageIsWholeWhateverTheSizeOfTheOneBefore) {
  std::atomic<int> series{0};
  Server server(LargePage::options(Compression::kGzip), {"sonde-test", "Tests."});
  server.serve_metrics([&](const http::Scrape&, metrics::SeriesWriter& writer) {
    writer.family(kMany);
    for (int i = 0; i < series; ++i) writer.sample({{"i", std::to_string(i + series)}}, i);
  });
  ASSERT_TRUE(server.start());
  for (const int count : {300'000, 330'000, 1'000, 310'000, 2'000, 300'000}) {
    series = count;
    const auto plain = get(server.port(), "/metrics");
    const auto packed = get(server.port(), "/metrics", "Accept-Encoding: gzip\r\n");
    ASSERT_TRUE(plain && packed);
    EXPECT_EQ(std::ranges::count(plain->body, '\n'), count + 2);
    EXPECT_TRUE(gunzip(packed->body, plain->body.size()) == plain->body) << count;
  }
}

TEST(Scrape, WithoutThePolicyNothingIsCompressed) {
  const LargePage page(Compression::kNone);
  const auto answer = get(page.server.port(), "/metrics", "Accept-Encoding: gzip, br\r\n");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->headers.contains("content-encoding"));
  EXPECT_THAT(answer->body, HasSubstr("sonde_test_many"));
}

TEST(Scrape, PastTheLimitOfParallelScrapesTheRestGet503AndHealthStillAnswers) {
  WebOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  options.max_requests = 2;
  Server server(options, {"sonde-test", "Tests."});
  Gate gate;
  server.serve_metrics([&](const http::Scrape&, metrics::SeriesWriter&) { gate.wait(); });
  ASSERT_TRUE(server.start());
  std::atomic<int> served{0};
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 2; ++i) {
    scrapers.emplace_back([&] {
      const auto answer = get(server.port(), "/metrics");
      if (answer && answer->status == 200) ++served;
    });
  }
  gate.until_waiting(2);
  const auto refused = get(server.port(), "/metrics");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_THAT(refused->body, HasSubstr("limit of 2 parallel scrapes"));
  EXPECT_EQ(get(server.port(), "/-/healthy")->status, 200);
  gate.open();
  for (std::thread& scraper : scrapers) scraper.join();
  EXPECT_EQ(served, 2);
  EXPECT_EQ(get(server.port(), "/metrics")->status, 200) << "the places are free again";
}

TEST(Scrape, AThrowingFunctionFreesItsPlace) {
  WebOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  options.max_requests = 1;
  Server server(options, {"sonde-test", "Tests."});
  server.serve_metrics(
      [](const http::Scrape&, metrics::SeriesWriter&) { throw std::runtime_error("broken"); });
  ASSERT_TRUE(server.start());
  for (int i = 0; i < 3; ++i) {
    const auto answer = get(server.port(), "/metrics");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(answer->body.find("broken"), std::string::npos) << "what was thrown is for the log only";
  }
}

TEST(Scrape, ManyAtOnceAreAllWhole) {
  const LargePage page(Compression::kGzip);
  const auto expected = get(page.server.port(), "/metrics")->body;
  std::atomic<int> whole{0};
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 8; ++i) {
    scrapers.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        const auto answer =
            get(page.server.port(), "/metrics", k % 2 == 0 ? "" : "Accept-Encoding: gzip\r\n");
        if (!answer) continue;
        whole += (k % 2 == 0 ? answer->body : gunzip(answer->body, expected.size())) == expected ? 1 : 0;
      }
    });
  }
  for (std::thread& scraper : scrapers) scraper.join();
  EXPECT_EQ(whole, 80);
}

}  // namespace
}  // namespace sonde::http
