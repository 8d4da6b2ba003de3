#include "common/build_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde {
namespace {

TEST(BuildInfo, VersionTextNamesProgramVersionAndRevision) {
  const std::string text = version_text("sonde-test");
  EXPECT_THAT(text, ::testing::MatchesRegex("sonde-test, version [0-9]+\\.[0-9]+\\.[0-9]+ \\(branch: [^)]+, "
                                            "revision: [0-9a-z]+\\)\n  compiler: [^\n]+\n"));
}

}  // namespace
}  // namespace sonde
