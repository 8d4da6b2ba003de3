#include "analyzer/diagnosis/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/detectors/detector_table.h"
#include "tests/analyzer_detectors/column_feeder.h"

namespace sonde::analyzer {
namespace {

using testing::HasSubstr;

/// All detectors and the diagnosis over a small shop; a test says which container uses how much more CPU.
class DiagnosisTest : public testing::Test {
 protected:
  Verdict column(const std::map<std::string, double>& more_cpu = {}, double load = 1) {
    feeder_.push([&](const std::string& quantity, const std::string& container) {
      if (quantity == "memory") return 0.0;
      if (quantity == "traffic") return 10'000 * load;
      const auto more = more_cpu.find(container);
      return 0.1 * load + (more == more_cpu.end() ? 0 : more->second);
    });
    const DetectorInput input = feeder_.input();
    std::vector<Score> scores;
    for (const auto& detector : detectors_)
      std::ranges::move(detector->evaluate(input), std::back_inserter(scores));
    return diagnosis_.judge(input, scores);
  }
  void learn() {
    for (int i = 0; i < 45; ++i) EXPECT_TRUE(column().findings.empty());
  }

  ColumnFeeder feeder_{shop_traits(), {"api-1", "api-2", "api-3", "nginx", "redis"}};
  std::vector<std::unique_ptr<Detector>> detectors_ = make_detectors({});
  Diagnosis diagnosis_{DiagnosisOptions{}};
};

TEST_F(DiagnosisTest, NamesAfterTwoColumnsOfThree) {
  learn();
  EXPECT_TRUE(column({{"redis", 1}}).findings.empty());
  const Verdict verdict = column({{"redis", 1}});
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].entity.container, "redis");
  EXPECT_EQ(verdict.findings[0].fault, "cpu");
  EXPECT_FALSE(verdict.findings[0].inconclusive);
  EXPECT_GT(verdict.findings[0].confidence, 0.7);
  EXPECT_THAT(verdict.findings[0].explanation, HasSubstr("it is the only container of redis"));
}

TEST_F(DiagnosisTest, OneBadColumnNamesNobody) {
  learn();
  column({{"redis", 1}});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(column().findings.empty());
}

TEST_F(DiagnosisTest, OneCalmColumnInBetweenDoesNotMatter) {
  learn();
  column({{"redis", 1}});
  column();
  EXPECT_EQ(column({{"redis", 1}}).findings.size(), 1U);
  EXPECT_EQ(column().findings.size(), 0U) << "one of the last three";
}

TEST_F(DiagnosisTest, EndsWhenTheFaultEnds) {
  learn();
  for (int i = 0; i < 10; ++i) column({{"api-2", 1}});
  EXPECT_EQ(column().findings.size(), 1U) << "two of the last three";
  EXPECT_TRUE(column().findings.empty());
}

TEST_F(DiagnosisTest, AReplicaIsNamedWithItsDistanceAndItsSiblingsAsEvidence) {
  learn();
  column({{"api-2", 1}});
  const Verdict verdict = column({{"api-2", 1}});
  ASSERT_EQ(verdict.findings.size(), 1U);
  const Finding& finding = verdict.findings[0];
  EXPECT_EQ(finding.entity.container, "api-2");
  EXPECT_THAT(finding.explanation, HasSubstr("the odd one of 3 replicas of api"));
  EXPECT_EQ(finding.replicas.size(), 2U);
  ASSERT_FALSE(finding.evidence.empty());
  EXPECT_EQ(finding.evidence[0].quantity, "cpu");
  EXPECT_EQ(finding.evidence[0].points.size(), 20U);
  EXPECT_NEAR(finding.evidence[0].points.back(), 1.1, 1e-9);
}

TEST_F(DiagnosisTest, VictimsThatMoveMuchLessAreNotNamed) {
  learn();
  const std::map<std::string, double> moves = {{"redis", 1.5}, {"api-1", 0.3}, {"nginx", 0.25}};
  column(moves);
  const Verdict verdict = column(moves);
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].entity.container, "redis");
}

TEST_F(DiagnosisTest, TwoThatMoveAlikeAreInconclusive) {
  learn();
  const std::map<std::string, double> moves = {{"redis", 1.0}, {"nginx", 0.95}};
  column(moves);
  const Verdict verdict = column(moves);
  ASSERT_EQ(verdict.findings.size(), 2U);
  for (const Finding& finding : verdict.findings) {
    EXPECT_TRUE(finding.inconclusive);
    EXPECT_THAT(finding.explanation, HasSubstr("inconclusive: 2 containers moved about equally far"));
  }
}

TEST_F(DiagnosisTest, DoubledLoadIsAShiftAndNobodyIsNamed) {
  learn();
  Verdict verdict;
  for (int i = 0; i < 10; ++i) {
    verdict = column({}, 4);
    EXPECT_TRUE(verdict.findings.empty());
  }
  EXPECT_TRUE(verdict.fleet.shifted);
  EXPECT_THAT(verdict.fleet.explanation, HasSubstr("the traffic of 3 of 3 services moved together"));
}

TEST_F(DiagnosisTest, AShiftThatEndsStillSaysWhatMoved) {
  learn();
  for (int i = 0; i < 5; ++i) column({}, 4);
  const Verdict verdict = column();
  EXPECT_TRUE(verdict.fleet.shifted) << "two of the last three";
  EXPECT_THAT(verdict.fleet.explanation, HasSubstr("moved together"));
  EXPECT_FALSE(column().fleet.shifted);
}

TEST_F(DiagnosisTest, TheFaultsLabelStaysWhileItLasts) {
  learn();
  column({{"redis", 1}});
  const std::string fault = column({{"redis", 1}}).findings.at(0).fault;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(column({{"redis", 0.5}}).findings.at(0).fault, fault);
}

TEST_F(DiagnosisTest, ItSaysSinceWhenForAsLongAsItLasts) {
  learn();
  column({{"redis", 1}});
  const int64_t since = feeder_.input().now_ms;
  for (int i = 0; i < 12; ++i) EXPECT_EQ(column({{"redis", 1}}).findings.at(0).since_ms, since);
  for (int i = 0; i < 5; ++i) column();
  column({{"redis", 1}});
  const int64_t again = feeder_.input().now_ms;
  EXPECT_EQ(column({{"redis", 1}}).findings.at(0).since_ms, again) << "another fault";
}

TEST_F(DiagnosisTest, BeforeThereIsHistoryNobodyIsNamed) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(column({{"redis", i * 1.0}}).findings.empty());
}

}  // namespace
}  // namespace sonde::analyzer
