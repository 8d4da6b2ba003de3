#include "identity/container_cgroup.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace sonde::identity {
namespace {

const std::string kFirst = "4f1a9bd0c6e85f27a30b9d14e8c7652f9083b1d7a4c6e2f5980d3b7c1e6a4f92";
const std::string kSecond = "09c3d5e7f1a2b4c6d8e0f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0c2d4e6f8a0b2c4";
const std::string kUid = "3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d";
const std::string kUnderscored = "3e2b1a4c_5d6f_4a8b_9c0d_1e2f3a4b5c6d";
const std::string kStatic = "7a1c9e3b5d7f0a2c4e6b8d0f1a3c5e7b";

std::string expand(std::string text) {
  const std::vector<std::pair<std::string, std::string>> words{
      {"${A}", kFirst}, {"$A", kFirst}, {"$B", kSecond}, {"$U", kUid}, {"$u", kUnderscored}, {"$S", kStatic}};
  for (const auto& [word, value] : words) {
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word)) {
      text.replace(at, word.size(), value);
    }
  }
  return text == "-" ? "" : text;
}

TEST(ContainerCgroup, EveryPathOfTheGoldenTableIsReadAsItSays) {
  std::ifstream table(SONDE_SOURCE_DIR "/tests/identity/golden/cgroup_paths.tsv");
  int containers = 0;
  int others = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream fields(line);
    std::vector<std::string> words;
    for (std::string word; std::getline(fields, word, '\t');) words.push_back(expand(word));
    const auto read = parse_container_cgroup(words[0]);
    if (words.size() == 1) {
      EXPECT_FALSE(read) << words[0] << " was read as container " << read->id;
      ++others;
      continue;
    }
    ASSERT_EQ(words.size(), 4U) << line;
    ASSERT_TRUE(read) << words[0];
    EXPECT_EQ(runtime_word(read->runtime), words[1]) << words[0];
    EXPECT_EQ(read->id, words[2]) << words[0];
    EXPECT_EQ(read->pod_uid, words[3]) << words[0];
    ++containers;
  }
  EXPECT_GE(containers, 30);
  EXPECT_GE(others, 20);
}

}  // namespace
}  // namespace sonde::identity
