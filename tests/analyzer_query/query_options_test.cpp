#include "analyzer/query/query_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sonde::analyzer {
namespace {

using testing::HasSubstr;

Result<QueryOptions> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "query");
  words.insert(words.begin(), "sonde-analyzer");
  std::vector<char*> arguments;
  arguments.reserve(words.size());
  for (std::string& word : words) arguments.push_back(word.data());
  return parse_query_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(QueryOptions, AStepMakesAGrid) {
  const auto options = parse({"--match", "up", "--from", "1000", "--to", "1060", "--step", "15s"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->step_ms, 15'000);
  EXPECT_EQ(options->query.start_ms, 1'000'000);
  EXPECT_EQ(options->query.end_ms, 1'060'000);
}

struct Mistake {
  std::vector<std::string> words;
  std::string flag;
  std::string remedy;
};

class QueryMistake : public testing::TestWithParam<Mistake> {};

TEST_P(QueryMistake, IsOneLineWithTheFlagAndTheRemedy) {
  const auto options = parse(GetParam().words);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(options.error().message, HasSubstr(GetParam().flag));
  EXPECT_THAT(options.error().message, HasSubstr(GetParam().remedy));
  EXPECT_EQ(options.error().message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Every, QueryMistake,
    testing::Values(Mistake{{"--from", "-1h"}, "--match", "required"},
                    Mistake{{"--match", "{"}, "--match", ""},
                    Mistake{{"--match", "up", "--from", "now", "--to", "-1h"}, "--to", "before --from"},
                    Mistake{{"--match", "up", "--step", "1ms"}, "--step", "larger step"},
                    Mistake{{"--match", "up", "--step", "0s"}, "--step", "above 0"},
                    Mistake{{"--match", "up", "--rate"}, "--rate", "--step"},
                    Mistake{{"--match", "up", "--memory", "-1"}, "--memory", "megabytes"},
                    Mistake{{"--match", "up", "--mode", "fast"}, "--mode", "samples"}));

}  // namespace
}  // namespace sonde::analyzer
