#include "inject/workload/request_statistics.h"

#include <gmock/gmock.h>

namespace sonde::inject {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(const RequestStatistics& statistics) {
  metrics::SeriesWriter writer;
  statistics.write_metrics(writer);
  return writer.take();
}

TEST(RequestStatistics, QuantilesAreNearestRanksOfTheRecentRequests) {
  RequestStatistics statistics;
  for (int i = 100; i >= 1; --i) statistics.record(200, i / 1000.0);
  const std::string text = text_of(statistics);
  EXPECT_THAT(text, HasSubstr("sonde_workload_recent_request_duration_seconds{quantile=\"0.5\"} 0.05\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_recent_request_duration_seconds{quantile=\"0.9\"} 0.09\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_recent_request_duration_seconds{quantile=\"0.99\"} 0.099\n"));
}

TEST(RequestStatistics, OldRequestsLeaveTheQuantilesButNotTheCounts) {
  RequestStatistics statistics;
  for (size_t i = 0; i < RequestStatistics::kRecent; ++i) statistics.record(200, 5);
  for (size_t i = 0; i < RequestStatistics::kRecent; ++i) statistics.record(200, 0.5);
  const std::string text = text_of(statistics);
  EXPECT_THAT(text, HasSubstr("sonde_workload_recent_request_duration_seconds{quantile=\"0.99\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_requests_total{code=\"200\"} 2000\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_request_duration_seconds_count 2000\n"));
}

TEST(RequestStatistics, ABoundBelongsToItsOwnBucket) {
  RequestStatistics statistics;
  statistics.record(200, 0.005);
  const std::string text = text_of(statistics);
  EXPECT_THAT(text, HasSubstr("sonde_workload_request_duration_seconds_bucket{le=\"0.002\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_request_duration_seconds_bucket{le=\"0.005\"} 1\n"));
}

TEST(RequestStatistics, AnswersAreCountedByCodeAndNoAnswerAsZero) {
  RequestStatistics statistics;
  statistics.record(503, 0.1);
  statistics.record(0, 5);
  const std::string text = text_of(statistics);
  EXPECT_THAT(text, HasSubstr("sonde_workload_requests_total{code=\"0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_requests_total{code=\"200\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("sonde_workload_requests_total{code=\"503\"} 1\n"));
}

TEST(RequestStatistics, WithoutRequestsThereAreNoQuantiles) {
  EXPECT_THAT(text_of(RequestStatistics()), Not(HasSubstr("sonde_workload_recent_request_duration_seconds")));
}

}  // namespace
}  // namespace sonde::inject
