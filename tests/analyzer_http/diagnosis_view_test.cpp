#include "analyzer/http_api/diagnosis_view.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "analyzer/http_api/chart.h"
#include "tests/analyzer_http/made_report.h"

namespace sonde::analyzer {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Result<DiagnosisView> view(const Report& report, std::optional<std::string> service,
                           std::optional<std::string> name_space = {}) {
  DiagnoseRequest request;
  request.service = std::move(service);
  request.name_space = std::move(name_space);
  return view_of(share(report), request, kReportTime + 1500);
}

json as_json(const Report& report, const std::string& service) {
  return json::parse(diagnosis_json(*view(report, service, "shop")));
}

TEST(Diagnosis, OfTheCulpritsServiceNamesItWithTheEvidence) {
  const json answer = as_json(culprit_report(), "api");
  EXPECT_EQ(answer["verdict"], "culprit");
  EXPECT_EQ(answer["inconclusive"], false);
  EXPECT_EQ(answer["age_seconds"], 1.5);
  EXPECT_EQ(answer["time"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(answer["containers"].size(), 2U);
  ASSERT_EQ(answer["findings"].size(), 1U);
  const json& finding = answer["findings"][0];
  EXPECT_EQ(finding["container"], "api-2");
  EXPECT_EQ(finding["fault"], "cpu_usage");
  EXPECT_EQ(finding["since"], "2023-11-14T22:13:18.000Z");
  const json& evidence = finding["evidence"][0];
  EXPECT_EQ(evidence["series"], "sonde_container_cpu_usage_seconds_total{container=\"api-2\"}");
  EXPECT_EQ(evidence["from"], "2023-11-14T22:12:20.000Z");
  EXPECT_EQ(evidence["value"], 1.02);
  EXPECT_EQ(evidence["points"][1], nullptr);  // a gap
  EXPECT_EQ(answer["missing"].size(), 1U);
}

TEST(Diagnosis, OfAnotherServiceSaysWhereTheCulpritIs) {
  const json answer = as_json(culprit_report(), "redis");
  EXPECT_EQ(answer["verdict"], "normal");
  EXPECT_TRUE(answer["findings"].empty());
  ASSERT_EQ(answer["elsewhere"].size(), 1U);
  EXPECT_EQ(answer["elsewhere"][0]["container"], "api-2");
  EXPECT_THAT(answer["summary"].get<std::string>(), HasSubstr("elsewhere: cpu_usage of api-2"));
}

TEST(Diagnosis, OfAllServicesIsASummaryOfTheFindings) {
  const json answer = json::parse(diagnosis_json(*view(culprit_report(), {})));
  EXPECT_EQ(answer["services"].size(), 4U);
  EXPECT_EQ(answer["findings"].size(), 1U);
  for (const json& score : answer["scores"]) EXPECT_EQ(score["container"], "api-2");
}

TEST(Diagnosis, AnUnknownServiceIsNotFoundAndTheKnownOnesAreListed) {
  const Result<DiagnosisView> answer = view(culprit_report(), "apo");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(answer.error().message,
              HasSubstr("known services: shop/api, shop/cache, shop/redis, test/cache"));
}

TEST(Diagnosis, AServiceOfTwoNamespacesIsAmbiguousAndTheCandidatesAreListed) {
  const Result<DiagnosisView> answer = view(culprit_report(), "cache");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(answer.error().message, HasSubstr("shop/cache, test/cache"));
  EXPECT_TRUE(view(culprit_report(), "cache", "test"));
}

TEST(Diagnosis, HasTheClassWhereAClassifierIsConfigured) {
  EXPECT_FALSE(as_json(culprit_report(), "api").contains("class"));
  Report report = culprit_report();
  report.classes = sure_classes();
  const json told = as_json(report, "api")["class"];
  EXPECT_EQ(told["service"], "api");
  EXPECT_EQ(told["fault"], "cpu");
  EXPECT_EQ(told["probability"], 0.875);
  EXPECT_EQ(told["model"], "/models/model-000007.sonde");
  EXPECT_EQ(told["trained"], "2023-11-13T22:13:20.000Z");
  EXPECT_EQ(told["probabilities"].size(), 3U);
  EXPECT_FALSE(told.contains("abstained"));
}

TEST(Diagnosis, SaysWhyNoClassIsTold) {
  Report report = culprit_report();
  report.classes = sure_classes();
  report.classes->abstained = Abstention::kLowConfidence;
  report.classes->reason = "the most <probable> class";
  const json told = as_json(report, "api")["class"];
  EXPECT_EQ(told["fault"], nullptr);
  EXPECT_EQ(told["abstained"]["reason"], "low_confidence");
  EXPECT_EQ(told["probabilities"].size(), 3U);
  EXPECT_THAT(diagnosis_page(*view(report, {})), HasSubstr("not told: the most &lt;probable&gt; class"));
}

TEST(Diagnosis, ALoadShiftIsToldAndNobodyIsNamed) {
  Report report = culprit_report();
  report.findings.clear();
  report.fleet.shifted = true;
  report.fleet.explanation = "the load changed";
  const json answer = as_json(report, "api");
  EXPECT_EQ(answer["verdict"], "load_shift");
  EXPECT_EQ(answer["summary"], "the load changed; no container is named");
}

TEST(Diagnosis, AnUndecidedFindingIsInconclusive) {
  Report report = culprit_report();
  report.findings[0].inconclusive = true;
  const json answer = as_json(report, "api");
  EXPECT_EQ(answer["verdict"], "inconclusive");
  EXPECT_EQ(answer["inconclusive"], true);
}

/// Everything still learns: api 3 of 20 samples, redis 7.
Report learning_report() {
  Report report = culprit_report();
  report.findings.clear();
  for (Score& score : report.scores) {
    score.inconclusive = score.detector == "zscore";
    score.anomalous = false;
    if (!score.inconclusive) continue;
    score.learned = score.entity.service == "api" ? 3 : 7;
    score.needed = 20;
    score.reason = fmt::format("learning: {} of 20 samples", score.learned);
    score.evidence.clear();
  }
  return report;
}

TEST(Diagnosis, WithTooLittleHistoryItIsLearningAndSaysHowMuchThereIs) {
  const json answer = as_json(learning_report(), "redis");
  EXPECT_EQ(answer["verdict"], "learning");
  EXPECT_EQ(answer["inconclusive"], true);
  EXPECT_EQ(answer["summary"], "7 of 20 samples seen of what is usual for shop/redis");
  EXPECT_EQ(answer["scores"][0]["learning"], (json{{"samples", 7}, {"needed", 20}}));
  DiagnoseRequest request;
  request.window_ms = 20'000;
  EXPECT_THAT(view_of(share(learning_report()), request, kReportTime)->summary,
              HasSubstr("; ask for a longer window="));
}

TEST(Diagnosis, ANewcomerAmongContainersThatAreKnownIsNotTheWordOnAll) {
  Report report = learning_report();
  for (Score& score : report.scores) {
    if (score.entity.container == "redis") continue;
    score.inconclusive = false;
    score.needed = 0;
  }
  const json answer = json::parse(diagnosis_json(*view(report, {})));
  EXPECT_EQ(answer["verdict"], "normal");
  EXPECT_EQ(answer["summary"],
            "no container of the services stands out; 1 of them not judged yet, 7 of 20 samples seen");
}

TEST(Diagnosis, LabelsThatAreNotUtf8StillMakeJson) {
  Report report = culprit_report();
  report.findings[0].entity.pod = "\xff\xfe";
  EXPECT_NO_THROW(static_cast<void>(as_json(report, "api")));
}

TEST(DiagnosisPage, ShowsTheCulpritWithAChart) {
  const std::string page = diagnosis_page(*view(culprit_report(), "api", "shop"));
  EXPECT_THAT(page, HasSubstr("<h1>Diagnosis of shop/api</h1>"));
  EXPECT_THAT(page, HasSubstr("<h2>shop/api-2: cpu_usage</h2>"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("mmap_calls: no series"));
}

TEST(DiagnosisPage, ShowsTheClassAndAllOthersFolded) {
  EXPECT_THAT(diagnosis_page(*view(culprit_report(), {})), Not(HasSubstr("<h2>Class</h2>")));
  Report report = culprit_report();
  report.classes = sure_classes();
  const std::string page = diagnosis_page(*view(report, {}));
  EXPECT_THAT(page, HasSubstr("<strong>shop/api: cpu</strong> with probability 0.88"));
  EXPECT_THAT(page, HasSubstr("<td>heavy workload</td>"));
}

TEST(DiagnosisPage, LinksEachServiceToItsOwnDiagnosis) {
  const std::string page = diagnosis_page(*view(culprit_report(), {}));
  for (const char* link :
       {"<a href=\"?namespace=shop&amp;service=redis\">shop/redis</a>",
        "<a href=\"?namespace=test&amp;service=cache\">test/cache</a>",
        "<h2><a href=\"?namespace=shop&amp;service=api\">shop/api-2</a>: cpu_usage</h2>"}) {
    EXPECT_THAT(page, HasSubstr(link));
  }
  const std::string redis = diagnosis_page(*view(culprit_report(), "redis"));
  EXPECT_THAT(redis,
              HasSubstr("<li><a href=\"?namespace=shop&amp;service=api\">shop/api-2</a>: cpu_usage of"));
  EXPECT_THAT(redis, HasSubstr("<a href=\"?\">All services</a>"));
}

TEST(DiagnosisPage, LinksKeepTheTimeAndEscapeNames) {
  Report report = culprit_report();
  report.services = {{"a&b", "x/\"y\"", {}}};
  DiagnoseRequest request;
  request.time_ms = kReportTime;
  request.window_ms = 90'500;
  const std::string page = diagnosis_page(*view_of(share(report), request, kReportTime));
  EXPECT_THAT(page, HasSubstr("<a href=\"?namespace=a%26b&amp;service=x%2F%22y%22"
                              "&amp;time=2023-11-14T22%3A13%3A20.000Z&amp;window=90.5\">"));
}

TEST(DiagnosisPage, SaysInWordsWhyAScoreIsInconclusive) {
  const std::string page = diagnosis_page(*view(culprit_report(), "api", "shop"));
  EXPECT_THAT(
      page, HasSubstr("<td>inconclusive: too few services change to say what is usual: 1 of the 20 needed"));
  EXPECT_THAT(page, HasSubstr("<td><strong>anomalous</strong></td>"));
  EXPECT_THAT(page, HasSubstr("<td>usual</td>"));
}

TEST(DiagnosisPage, SaysHowFarTheDetectorsHaveLearned) {
  Report report = learning_report();
  const std::string all = diagnosis_page(*view(report, {}));
  EXPECT_THAT(all,
              HasSubstr("<strong>learning</strong>: 3 of 20 samples seen of what is usual for the services"));
  EXPECT_THAT(all, HasSubstr("shop/redis</a></td><td class=\"n\">1</td><td>learning: 7 of 20 samples</td>"));
  EXPECT_THAT(all, HasSubstr("<td>learning: 3 of 20 samples</td>"));
  EXPECT_THAT(diagnosis_page(*view(report, "redis")),
              HasSubstr("7 of 20 samples seen of what is usual for shop/redis"));
}

TEST(DiagnosisPage, FoldsWhatIsLong) {
  Report report = culprit_report();
  for (Finding& finding : report.findings) finding.evidence.assign(8, cpu_evidence(1.02));
  for (Score& score : report.scores) {
    if (score.anomalous) score.evidence.assign(8, cpu_evidence(1.02));
  }
  const std::string page = diagnosis_page(*view(report, "api", "shop"));
  EXPECT_THAT(page, HasSubstr("<details><summary>5 more quantities</summary>"));
  EXPECT_THAT(
      page, HasSubstr("<details><summary>cpu_usage 1.02 cores, expected 0.04, 90 % of the score</summary>"));
  EXPECT_THAT(diagnosis_page(*view(culprit_report(), "api", "shop")), Not(HasSubstr("<details>")))
      << "what is short is not";
}

TEST(DiagnosisPage, EscapesWhatComesFromLabels) {
  Report report = culprit_report();
  report.findings[0].entity.container = "<script>alert(1)</script>";
  report.findings[0].explanation = "\"><img src=x>";
  const std::string page = diagnosis_page(*view(report, "api", "shop"));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
}

TEST(Chart, BreaksTheLineAtAGap) {
  const std::string chart = evidence_chart(cpu_evidence(1));
  EXPECT_EQ(chart.find("nan"), std::string::npos);
  // Two strokes of the pen besides the expected line's.
  size_t moves = 0;
  for (size_t at = chart.find("class=\"line\"") - 60; (at = chart.find('M', at)) != std::string::npos; ++at) {
    ++moves;
  }
  EXPECT_GE(moves, 2U);
  EXPECT_EQ(evidence_chart(Evidence{}), "");
}

}  // namespace
}  // namespace sonde::analyzer
