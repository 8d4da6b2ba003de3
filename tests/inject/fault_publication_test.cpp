#include "inject/fault_publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "inject/event_wait.h"
#include "inject/faults/fault_table.h"
#include "tests/support/exposition.h"

namespace sonde::inject {
namespace {

using testing::IsEmpty;

constexpr double kStart = 1'790'000'000.25;
const identity::ContainerName kApi2{"shop", "api-2", "api-2", "api"};
const std::map<std::string, std::string> kLabels = {
    {"namespace", "shop"}, {"pod", "api-2"}, {"container", "api-2"}, {"service", "api"}, {"fault", "cpu"}};

test::Exposition scrape(FaultPublication& publication, bool counts = true) {
  metrics::SeriesWriter writer;
  publication.write(writer, counts);
  auto page = test::parse_exposition(writer.text());
  EXPECT_TRUE(page) << page.error().message;
  return page.value_or(test::Exposition{});
}

TEST(FaultPublication, ShowsAnInactiveFaultBeforeItIsProven) {
  FaultPublication publication;
  publication.add(kApi2, "cpu");
  const auto page = scrape(publication);
  EXPECT_EQ(page.value("sonde_fault_active", kLabels), 0);
  EXPECT_EQ(page.value("sonde_fault_in_place", kLabels), 0);
  EXPECT_EQ(page.samples.size(), 2U);
}

TEST(FaultPublication, ShowsStartAndReadingsWhileActive) {
  static constexpr metrics::MetricRow kCores{"sonde_fault_asked_cores", metrics::MetricType::kGauge, "cores",
                                             "", "x."};
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  publication.set_placed(fault);
  publication.set_readings(fault, {{&kCores, 1.5}});
  publication.set_active(fault, kStart);
  const auto page = scrape(publication);
  EXPECT_EQ(page.value("sonde_fault_active", kLabels), 1);
  EXPECT_EQ(page.value("sonde_fault_start_timestamp_seconds", kLabels), kStart);
  EXPECT_EQ(page.value("sonde_fault_asked_cores", kLabels), 1.5);
  EXPECT_THAT(page.find("sonde_fault_end_timestamp_seconds"), IsEmpty());
}

TEST(FaultPublication, ShowsTheEndOnceUndone) {
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  publication.set_active(fault, kStart);
  publication.set_ended(fault, kStart + 30);
  const auto page = scrape(publication);
  EXPECT_EQ(page.value("sonde_fault_active", kLabels), 0);
  EXPECT_EQ(page.value("sonde_fault_start_timestamp_seconds", kLabels), kStart);
  EXPECT_EQ(page.value("sonde_fault_end_timestamp_seconds", kLabels), kStart + 30);
}

TEST(FaultPublication, ShowsAFaultInPlaceBeforeItIsProven) {
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  publication.set_placed(fault);
  EXPECT_EQ(scrape(publication).value("sonde_fault_in_place", kLabels), 1);
  EXPECT_EQ(scrape(publication).value("sonde_fault_active", kLabels), 0);
  publication.set_ended(fault, kStart);
  EXPECT_EQ(scrape(publication).value("sonde_fault_in_place", kLabels), 0);
}

TEST(FaultPublication, ShowsAFaultThatCouldNotBeUndoneInPlaceWithoutAnEnd) {
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  publication.set_placed(fault);
  publication.set_active(fault, kStart);
  publication.set_left(fault);
  auto page = scrape(publication);
  EXPECT_EQ(page.value("sonde_fault_in_place", kLabels), 1);
  EXPECT_EQ(page.value("sonde_fault_active", kLabels), 0);
  EXPECT_THAT(page.find("sonde_fault_end_timestamp_seconds"), IsEmpty());
  publication.set_ended(fault, kStart + 30);  // by the watchdog
  EXPECT_EQ(scrape(publication).value("sonde_fault_in_place", kLabels), 0);
  publication.set_placed(fault);
  publication.set_active(fault, kStart + 60);
  EXPECT_EQ(scrape(publication).value("sonde_fault_active", kLabels), 1);
}

TEST(FaultPublication, ShowsFaultsOfSeveralContainersAndTimes) {
  FaultPublication publication;
  const size_t first = publication.add(kApi2, "cpu");
  const size_t second = publication.add({"shop", "redis", "redis", "redis"}, "cpu");
  const size_t third = publication.add(kApi2, "memory");
  EXPECT_EQ(publication.add(kApi2, "cpu"), first);
  for (const size_t fault : {first, second}) publication.set_placed(fault);
  publication.set_active(first, kStart);
  auto page = scrape(publication);
  EXPECT_EQ(page.find("sonde_fault_active").size(), 3U);
  EXPECT_EQ(page.value("sonde_fault_active", kLabels), 1);
  publication.set_ended(first, kStart + 5);
  scrape(publication);
  EXPECT_EQ(publication.scrapes_of_end(), 0U) << "another is in place";
  publication.set_ended(second, kStart + 6);
  scrape(publication);
  EXPECT_EQ(publication.scrapes_of_end(), 1U);
  publication.set_placed(first);  // once more
  page = scrape(publication);
  EXPECT_EQ(page.value("sonde_fault_active", kLabels), 0);
  EXPECT_THAT(page.find("sonde_fault_end_timestamp_seconds"), IsEmpty());
  publication.set_ended(third, kStart);  // never in place
}

TEST(FaultPublication, ShowsNoWindowOfAFaultThatWasNeverProven) {
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  publication.set_ended(fault, kStart);
  EXPECT_EQ(scrape(publication).samples.size(), 2U);
}

TEST(FaultPublication, CountsScrapesOfTheEndOnly) {
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  EXPECT_FALSE(publication.was_scraped());
  publication.set_active(fault, kStart);
  scrape(publication);
  EXPECT_TRUE(publication.was_scraped());
  EXPECT_EQ(publication.scrapes_of_end(), 0U);
  EXPECT_FALSE(is_readable(publication.scraped_descriptor()));
  publication.set_ended(fault, kStart + 1);
  scrape(publication, false);
  EXPECT_EQ(publication.scrapes_of_end(), 0U);
  scrape(publication);
  scrape(publication);
  EXPECT_EQ(publication.scrapes_of_end(), 2U);
  EXPECT_TRUE(is_readable(publication.scraped_descriptor()));
}

TEST(FaultPublication, MayBeScrapedWhileItChanges) {
  FaultPublication publication;
  const size_t fault = publication.add(kApi2, "cpu");
  std::jthread scraper([&] {
    for (int i = 0; i < 200; ++i) scrape(publication);
  });
  for (int i = 0; i < 200; ++i) publication.set_readings(fault, {});
  publication.set_active(fault, kStart);
  publication.set_ended(fault, kStart + 1);
  scraper.join();
  EXPECT_GE(scrape(publication).samples.size(), 3U);
}

TEST(FaultTable, HasEachFaultOnceWithItsParts) {
  std::set<std::string_view> names;
  for (const auto& row : fault_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(row.make(), nullptr);
    EXPECT_NE(row.undo, nullptr);
    EXPECT_EQ(find_fault(row.name), &row);
    for (const auto& metric : row.metric_rows())
      EXPECT_TRUE(metric.name.starts_with("sonde_fault_")) << metric.name;
  }
  EXPECT_EQ(find_fault("no such fault"), nullptr);
}

}  // namespace
}  // namespace sonde::inject
