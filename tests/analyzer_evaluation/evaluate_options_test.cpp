#include "analyzer/evaluation/evaluate_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sonde::analyzer {
namespace {

using ::testing::HasSubstr;

Result<ClassifyOptions> parse(std::vector<std::string> words) {
  words.insert(words.begin(), {"sonde-analyzer", "evaluate", "classify"});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return parse_classify_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(EvaluateOptionsTest, DefaultsAreTheSources) {
  const auto options = parse({"--train", "a.csv", "--test=b.csv"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->train, "a.csv");
  EXPECT_EQ(options->test, "b.csv");
  EXPECT_EQ(options->part, TestPart::kOtherTable);
  EXPECT_EQ(options->algorithm, "all");
  EXPECT_EQ(options->classifier.neighbours, 5U);
  EXPECT_EQ(options->classifier.trees, 50U);
  EXPECT_EQ(options->classifier.max_depth, 5U);
  EXPECT_FALSE(options->balanced);
}

TEST(EvaluateOptionsTest, WrongFlagsAreNamed) {
  const struct {
    std::vector<std::string> words;
    const char* said;
  } cases[] = {
      {{"--test=b.csv"}, "--train"},
      {{"--train=a.csv"}, "what to test with is missing"},
      {{"--train=a.csv", "--test=b.csv", "--split=rows"}, "--test and --split: two things"},
      {{"--train=a.csv", "--split=groups"}, "--split=groups: needs --group"},
      {{"--train=a.csv", "--split=half"}, "--split"},
      {{"--train=a.csv", "--test=b.csv", "--algorithm=forest"}, "random_forest"},
      {{"--train=a.csv", "--test=b.csv", "--knn.neighbours=0"}, "--knn.neighbours"},
      {{"--train=a.csv", "--test=b.csv", "--svm.c=0"}, "--svm.c"},
      {{"--train=a.csv", "--test=b.csv", "--seed=-1"}, "--seed"},
      {{"--train=a.csv", "--split=rows", "--calibration-rows=9"}, "--calibration-rows: is of another table"},
      {{"--train=a.csv", "--test=b.csv", "--calibration-rows=9", "--published"}, "leave --published out"},
      {{"--train=a.csv", "--test=b.csv", "--calibration-rows=29"}, "--calibration-rows=29: too few"},
      {{"--test=b.csv"}, "give --train=FILE, or --model=FOLDER"},
      {{"--train=a.csv", "--model=m", "--test=b.csv"}, "--train and --model: two things"},
      {{"--model=m", "--split=rows"}, "--model: has learnt already"},
      {{"--model=m"}, "--test=FILE"},
      {{"--train=a.csv", "--test=b.csv", "--nonsense"}, "--nonsense"},
  };
  for (const auto& each : cases) {
    const auto options = parse(each.words);
    ASSERT_FALSE(options) << each.said;
    EXPECT_EQ(options.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(options.error().message, HasSubstr(each.said));
  }
}

TEST(EvaluateOptionsTest, HelpNamesEveryFlagAndTheFormat) {
  const auto help = parse({"--help"});
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().code, ErrorCode::kNotFound);
  for (const char* const part : {"--train", "--split", "--group", "--columns", "--class-weight",
                                 "--predictions", "--confusion", "last column label", "Exit codes"}) {
    EXPECT_THAT(help.error().message, HasSubstr(part));
  }
}

}  // namespace
}  // namespace sonde::analyzer
