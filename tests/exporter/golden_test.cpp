// One golden scrape for each layout of cgroups: tests/golden/exporter/LAYOUT holds proc/ and sys/fs/cgroup/
// as the kernel would show them, and scrape.txt, what must come of them. SONDE_UPDATE_GOLDEN=1 writes
// scrape.txt anew.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/exporter/cgroup_scrape.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

class GoldenScrape : public testing::TestWithParam<std::string> {
 protected:
  const std::string folder_ = std::string(SONDE_SOURCE_DIR) + "/tests/golden/exporter/" + GetParam();
  const std::string file_ = folder_ + "/scrape.txt";
};

TEST_P(GoldenScrape, IsAsWritten) {
  const std::string page = CgroupScrape(folder_).page();
  if (std::getenv("SONDE_UPDATE_GOLDEN") != nullptr) std::ofstream(file_) << page;
  std::ifstream golden(file_);
  ASSERT_TRUE(golden.is_open()) << file_;
  const std::string expected((std::istreambuf_iterator<char>(golden)), {});
  EXPECT_EQ(page, expected);
  EXPECT_TRUE(test::duplicate_series(page).empty());
}

TEST_P(GoldenScrape, IsTheSameTheSecondTimeWithFilesKeptOpen) {
  CgroupScrape scrape(folder_);
  const std::string first = scrape.page();
  EXPECT_EQ(scrape.page(), first);
}

INSTANTIATE_TEST_SUITE_P(Layouts, GoldenScrape, testing::Values("v1", "hybrid", "v2"),
                         [](const auto& layout) { return layout.param; });

// What a container's measurements are does not depend on the version of cgroups: api-1 and api-2 have the
// same values in both fixtures, so they must have the same series.
TEST(GoldenScrapes, OfV1AndV2NameAndScaleTheSameContainerAlike) {
  const auto series_of = [](const std::string& layout) {
    const std::string page =
        CgroupScrape(std::string(SONDE_SOURCE_DIR) + "/tests/golden/exporter/" + layout).page();
    std::map<std::string, double> values;
    const auto parsed = test::parse_exposition(page);
    for (const test::Sample& sample : parsed->samples) {
      const auto pod = sample.labels.find("pod");
      if (pod == sample.labels.end() || !pod->second.starts_with("api-")) continue;
      if (sample.name.starts_with("sonde_pod_network")) continue;   // their interfaces differ
      if (sample.name.starts_with("sonde_container_io")) continue;  // v2 alone has them
      if (sample.name.starts_with("sonde_container_pressure")) continue;
      values[sample.series()] = sample.value;
    }
    return values;
  };
  const auto v1 = series_of("v1");
  EXPECT_GE(v1.size(), 15U);
  EXPECT_EQ(v1, series_of("v2"));
}

}  // namespace
}  // namespace sonde::exporter
