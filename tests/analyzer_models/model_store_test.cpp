#include "analyzer/models/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "analyzer/models/model_watch.h"
#include "tests/analyzer_models/made_model.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ModelStore : public ::testing::Test {
 protected:
  /// Saves a model that says it was trained at that time.
  std::string save(int64_t trained_ms) {
    const Result<std::string> path = save_model(folder_, made_model(30, "naive_bayes", trained_ms));
    EXPECT_TRUE(path) << path.error().message;
    return path.value_or("");
  }
  StoredModel load() {
    Result<StoredModel> stored = load_model(folder_);
    EXPECT_TRUE(stored) << stored.error().message;
    return stored ? *stored : StoredModel();
  }
  static void rewrite(const std::string& path, const std::function<void(std::string&)>& change) {
    std::ifstream in(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    in.close();
    change(bytes);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      found.push_back(entry.path().filename().string());
    }
    std::ranges::sort(found);
    return found;
  }

  test::ScratchDirectory scratch_;
  std::string folder_ = scratch_.path() + "/deep/models";
};

TEST_F(ModelStore, LoadsTheNewestGeneration) {
  save(1);
  EXPECT_THAT(save(2), EndsWith("/model-000002.sonde"));
  const StoredModel stored = load();
  ASSERT_TRUE(stored.model);
  EXPECT_EQ(stored.model->trained_ms, 2);
  EXPECT_EQ(stored.generation, 2U);
  EXPECT_THAT(stored.refused, IsEmpty());
}

TEST_F(ModelStore, KeepsThreeGenerationsAndNoLitter) {
  for (int64_t i = 1; i <= 6; ++i) save(i);
  std::ofstream(folder_ + "/.model.tmp") << "of a writer that was killed";
  save(7);
  EXPECT_THAT(names(), ElementsAre("model-000005.sonde", "model-000006.sonde", "model-000007.sonde"));
}

TEST_F(ModelStore, ADamagedFileIsNotOneOfTheThree) {
  save(1);
  save(2);
  rewrite(save(3), [](std::string& bytes) { bytes.resize(100); });
  save(4);
  EXPECT_THAT(names(), ElementsAre("model-000001.sonde", "model-000002.sonde", "model-000003.sonde",
                                   "model-000004.sonde"));
  save(5);
  EXPECT_THAT(names(), ElementsAre("model-000002.sonde", "model-000003.sonde", "model-000004.sonde",
                                   "model-000005.sonde"));
}

TEST_F(ModelStore, TakesTheOneBeforeWhereTheNewestIsRefused) {
  save(1);
  rewrite(save(2), [](std::string& bytes) { bytes[bytes.size() / 2] ^= 4; });
  rewrite(save(3), [](std::string& bytes) { bytes.resize(100); });
  const StoredModel stored = load();
  ASSERT_TRUE(stored.model);
  EXPECT_EQ(stored.model->trained_ms, 1);
  EXPECT_THAT(stored.refused, ElementsAre(HasSubstr("model-000003.sonde: is cut off"),
                                          HasSubstr("model-000002.sonde: was changed")));
}

TEST_F(ModelStore, RefusesWhatIsNoFileOrTooLarge) {
  save(1);
  ASSERT_EQ(mkfifo((folder_ + "/model-000002.sonde").c_str(), 0600), 0);
  ASSERT_EQ(symlink("/etc/passwd", (folder_ + "/model-000003.sonde").c_str()), 0);
  std::ofstream(folder_ + "/model-000004.sonde") << "SONDEMDL";
  ASSERT_EQ(truncate((folder_ + "/model-000004.sonde").c_str(), int64_t{1} << 40), 0);
  std::ofstream(folder_ + "/model-.sonde") << "no number";
  const StoredModel stored = load();
  ASSERT_TRUE(stored.model);
  EXPECT_EQ(stored.model->trained_ms, 1);
  EXPECT_THAT(stored.refused, ElementsAre(HasSubstr("is larger than a model may be"),
                                          HasSubstr("cannot be read"), HasSubstr("is no file")));
}

TEST_F(ModelStore, WhatTheLoaderHasNoUseForIsRefusedToo) {
  save(1);
  save(2);
  const Result<StoredModel> stored = load_model(
      folder_, [](const Model& model) { return model.trained_ms == 2 ? "is of another shop" : ""; });
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->model->trained_ms, 1);
  EXPECT_THAT(stored->refused, ElementsAre(HasSubstr("model-000002.sonde: is of another shop")));
}

TEST_F(ModelStore, AFolderThatIsMissingIsAnError) {
  const Result<StoredModel> stored = load_model(folder_);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(stored.error().message, HasSubstr(folder_));
}

TEST_F(ModelStore, AFolderThatCannotBeWrittenIsAnError) {
  std::ofstream(scratch_.path() + "/file") << "";
  const Result<std::string> saved = save_model(scratch_.path() + "/file", made_model(30, "naive_bayes"));
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr(scratch_.path() + "/file"));
}

TEST_F(ModelStore, AfterFiveHundredKillsDuringASaveAValidGenerationIsLoaded) {
  // In memory: what a kill leaves is what was written, however slow the disk is.
  const test::ScratchDirectory memory("/dev/shm");
  folder_ = memory.path() + "/models";
  save(1);
  const Model model = made_model(1000, "knn", 2);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(save_model(folder_, model));
  auto span = (std::chrono::steady_clock::now() - start) / 2;
  uint64_t newest = load().generation;
  size_t old_one = 0;
  size_t new_one = 0;
  for (int i = 0; i < 500; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        if (!save_model(folder_, model)) _exit(1);
      }
    }
    std::this_thread::sleep_for(span * (i % 50) / 50);  // at ever other places of the first saves
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child could not save";
    const StoredModel stored = load();
    ASSERT_TRUE(stored.model) << "after " << i << " kills";
    ASSERT_THAT(stored.refused, IsEmpty());
    ASSERT_GE(stored.generation, newest);
    (stored.generation == newest ? old_one : new_one) += 1;
    newest = stored.generation;
    // A forked child's first save takes longer than one of ours, by how much depends on the build.
    if (i % 50 == 49 && new_one == 0) span *= 2;
  }
  EXPECT_GT(old_one, 0U);  // otherwise no kill came before a rename
  EXPECT_GT(new_one, 0U);
}

TEST_F(ModelStore, AWatchTakesUpANewModelAndKeepsItWhenTheFolderGoes) {
  ModelWatch watch(folder_);
  EXPECT_FALSE(watch.current()->model);
  save(1);
  const auto first = watch.current();
  ASSERT_TRUE(first->model);
  EXPECT_EQ(watch.current(), first);  // nothing changed: nothing is read
  const std::string second = save(2);
  EXPECT_EQ(watch.current()->model->trained_ms, 2);
  rewrite(second, [](std::string& bytes) { bytes.back() ^= 1; });
  EXPECT_EQ(watch.current()->model->trained_ms, 1);
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(watch.current()->model->trained_ms, 1);
}

}  // namespace
}  // namespace sonde::analyzer
