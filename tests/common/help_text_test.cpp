#include "common/help_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sonde {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t longest_line(const std::string& text) {
  size_t longest = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    longest = std::max(longest, end - start);
    start = end + 1;
  }
  return longest;
}

TEST(Wrapped, BreaksAtBlanksAndKeepsLineEnds) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("a\n\nb", 7), "a\n\nb");
  EXPECT_EQ(wrapped("unbreakable word", 4), "unbreakable\nword");
  EXPECT_EQ(wrapped("", 4), "");
}

/// A program with what occurs in ours.
struct Program {
  Program() {
    set_help(app, "Examples:\n  program --size=3");
    in_group(app, "Sizes", [this] {
      app.add_option("--size", size, std::string(200, 'x') + " " + std::string(60, 'y'))
          ->type_name("COUNT")
          ->check(CLI::Range(1, 9))
          ->capture_default_str();
      app.add_flag("--no-size", off, "hidden");
      app.add_option("--name", name, "Whose")->type_name("NAME")->required();
    });
    app.add_flag("--all", off, "Everything");
    app.add_subcommand("sub", "A command of its own");
  }
  CLI::App app{"Does a thing.", "program"};
  int size = 5;
  bool off = false;
  std::string name;
};

TEST(Help, ShowsGroupsValuesDefaultsAndExamples) {
  const std::string help = Program().app.help();
  EXPECT_THAT(help, HasSubstr("\nSizes:\n  --size COUNT"));
  EXPECT_THAT(help, Not(HasSubstr("[1 - 9]")));
  EXPECT_THAT(help, HasSubstr("(default: 5)"));
  EXPECT_THAT(help, HasSubstr("Whose (required)\n"));
  EXPECT_THAT(help, HasSubstr("-h,--help                   Print this help\n"));
  EXPECT_THAT(help, HasSubstr("--all                       Everything\n"));
  EXPECT_THAT(help, HasSubstr("\nExamples:\n  program --size=3\n"));
  EXPECT_THAT(help, Not(HasSubstr("--no-size")));
  EXPECT_THAT(help, Not(HasSubstr("\n\n\n")));
}

TEST(Help, WrapsLongDescriptions) {
  const std::string help = Program().app.help();
  EXPECT_EQ(longest_line(help), 230U) << "a word that cannot be broken, behind the column";
  EXPECT_THAT(help, HasSubstr("x\n" + std::string(30, ' ') + "y"));
}

TEST(Help, OfASubcommandLooksAlike) {
  Program program;
  EXPECT_THAT(program.app.get_subcommand("sub")->help(),
              HasSubstr("-h,--help                   Print this help"));
}

}  // namespace
}  // namespace sonde
