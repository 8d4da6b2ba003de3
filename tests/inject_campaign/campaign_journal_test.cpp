#include "inject/campaign/campaign_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "inject/campaign/campaign_progress.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::inject {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class JournalFile : public testing::Test {
 protected:
  static InjectionOutcome outcome(size_t number) {
    return {number, number != 2, 1000.5 + static_cast<double>(number), 1001, "cpu in \"api\""};
  }

  test::ScratchDirectory folder_;
  std::filesystem::path path_ = std::filesystem::path(folder_.path()) / "shop.journal";
};

TEST_F(JournalFile, ReadsBackWhatWasAppended) {
  ASSERT_TRUE(CampaignJournal::begin(path_, "schedule"));
  for (const size_t number : {1, 2}) ASSERT_TRUE(CampaignJournal::append(path_, outcome(number)));
  const auto outcomes = CampaignJournal::read(path_, "schedule");
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  ASSERT_THAT(*outcomes, SizeIs(2));
  EXPECT_TRUE(outcomes->at(0).proven);
  EXPECT_FALSE(outcomes->at(1).proven);
  EXPECT_EQ(outcomes->at(1).number, 2U);
  EXPECT_EQ(outcomes->at(1).began_seconds, 1002.5);
  EXPECT_EQ(outcomes->at(1).what, "cpu in \"api\"");
}

TEST_F(JournalFile, IsEmptyWhereThereIsNone) {
  EXPECT_THAT(CampaignJournal::read(path_, "schedule").value(), IsEmpty());
}

TEST_F(JournalFile, ForgetsALineThatWasCutOffAndGoesOnBehindIt) {
  ASSERT_TRUE(CampaignJournal::begin(path_, "schedule"));
  ASSERT_TRUE(CampaignJournal::append(path_, outcome(1)));
  std::ofstream(path_, std::ios::app) << R"({"injection":2,"pro)";
  EXPECT_THAT(CampaignJournal::read(path_, "schedule").value(), SizeIs(1));
  ASSERT_TRUE(CampaignJournal::append(path_, outcome(2)));
  EXPECT_THAT(CampaignJournal::read(path_, "schedule").value(), SizeIs(2));
}

TEST_F(JournalFile, RefusesAnotherCampaignsAndWhatIsNone) {
  ASSERT_TRUE(CampaignJournal::begin(path_, "schedule"));
  EXPECT_THAT(CampaignJournal::read(path_, "another").error().message, HasSubstr("another campaign"));
  std::ofstream(path_, std::ios::app) << "{}\n";
  EXPECT_THAT(CampaignJournal::read(path_, "schedule").error().message, HasSubstr("line 2"));
  std::ofstream(path_) << "targets: []\n";
  EXPECT_THAT(CampaignJournal::read(path_, "schedule").error().message, HasSubstr("no journal"));
}

TEST_F(JournalFile, SaysWhereItCannotBeWritten) {
  const auto made =
      CampaignJournal::begin(std::filesystem::path(folder_.path()) / "no" / "such" / "folder", "schedule");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("--journal="));
}

TEST(CampaignProgress, IsOneLineOfTheTerminalsWidth) {
  EXPECT_EQ(progress_line(12, 24, 0.5, std::chrono::seconds(3661), "cpu in service=api", 100),
            "[##########..........] 12 of 24, 1:01:01 left: cpu in service=api");
  EXPECT_THAT(progress_line(1, 2, 2, std::chrono::seconds(-1), "cpu in service=api", 30), SizeIs(30));
}

}  // namespace
}  // namespace sonde::inject
