#include "inject/fault_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using testing::HasSubstr;

FaultReport example_report() {
  return {FaultReport::Event::kProven,
          1'790'000'000.25,
          {"shop", "api-2", "api-2", "api"},
          "cpu",
          "asked for 1 core, \"measured\" .9",
          {{"sonde_fault_asked_cores", 1}, {"sonde_fault_measured_cores", 0.9}}};
}

TEST(FaultReport, ReadsBackAsWritten) {
  const std::string line = format_report(example_report());
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto report = parse_report(line);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(*report, example_report());
}

TEST(FaultReport, OfEveryEventReadsBack) {
  using Event = FaultReport::Event;
  FaultReport report = example_report();
  for (const Event event : {Event::kPlaced, Event::kProven, Event::kMeasured, Event::kEnded, Event::kLeft}) {
    report.event = event;
    EXPECT_EQ(parse_report(format_report(report)).value(), report);
  }
}

TEST(FaultReport, SurvivesNamesThatAreNotUtf8) {
  FaultReport report = example_report();
  report.name.pod = "api\xff";
  EXPECT_TRUE(parse_report(format_report(report)));
}

TEST(FaultReport, RefusesWhatIsMissingOrOfAnotherType) {
  EXPECT_FALSE(parse_report(""));
  EXPECT_FALSE(parse_report("[]"));
  const std::string good = format_report(example_report());
  for (const char* member :
       {"event", "seconds", "namespace", "pod", "container", "service", "fault", "summary", "readings"}) {
    std::string line = good;
    line.replace(line.find('"' + std::string(member) + '"') + 1, 2, "xx");
    EXPECT_FALSE(parse_report(line)) << line;
  }
  std::string line = good;
  line.replace(line.find("proven"), 6, "broken");
  EXPECT_THAT(parse_report(line).error().message, HasSubstr("event=broken"));
  EXPECT_FALSE(parse_report(R"({"event":"ended","seconds":"1"})"));
}

}  // namespace
}  // namespace sonde::inject
