#include "identity/runtime_state_files.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/identity/scratch_directory.h"

namespace sonde::identity {
namespace {

using State = NameAnswer::State;

class RuntimeStateFilesTest : public testing::Test {
 protected:
  static std::string id(char letter) { return std::string(64, letter); }
  NameAnswer find(char letter) { return files_.find({.id = id(letter)}); }

  test::ScratchDirectory scratch_;
  RuntimeStateFiles files_{scratch_.path()};
};

TEST_F(RuntimeStateFilesTest, FindsABundleOfContainerd) {
  EXPECT_FALSE(files_.up());
  EXPECT_EQ(find('a').state, State::kUnknown);
  scratch_.write("run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id('a') + "/config.json",
                 R"({"ociVersion": "1.0.2", "annotations": {"io.kubernetes.cri.sandbox-name": "api-0",
                     "io.kubernetes.cri.container-name": "server"}})");
  const NameAnswer answer = find('a');
  ASSERT_EQ(answer.state, State::kKnown);
  EXPECT_EQ(answer.record.id, id('a'));
  EXPECT_EQ(answer.record.container, "server");
  EXPECT_EQ(answer.record.runtime, Runtime::kContainerd);
  EXPECT_GT(answer.record.started_at, 1.7e9);
  EXPECT_TRUE(files_.up());
}

TEST_F(RuntimeStateFilesTest, FindsWhatCrioDockerAndPodmanKeep) {
  scratch_.write("run/containers/storage/overlay-containers/" + id('b') + "/userdata/config.json",
                 R"({"ociVersion": "1.0.2", "annotations": {"io.kubernetes.pod.name": "api-0",
                     "io.kubernetes.container.name": "server"}})");
  EXPECT_EQ(find('b').record.runtime, Runtime::kCrio);
  scratch_.write("var/lib/docker/containers/" + id('c') + "/config.v2.json",
                 R"({"ID": ")" + id('c') + R"(", "Name": "/web"})");
  EXPECT_EQ(find('c').record.runtime, Runtime::kDocker);
  EXPECT_EQ(find('c').record.container, "web");
  scratch_.write("var/lib/containers/storage/overlay-containers/containers.json",
                 R"([{"id": ")" + id('d') + R"(", "names": ["one"]}])");
  EXPECT_EQ(find('d').record.container, "one");
  EXPECT_EQ(find('d').record.runtime, Runtime::kPodman);
  scratch_.write("var/lib/containers/storage/overlay-containers/containers.json",
                 R"([{"id": ")" + id('d') + R"(", "names": ["one"]}, {"id": ")" + id('e') +
                     R"(", "names": ["another"]}])");
  EXPECT_EQ(find('e').record.container, "another") << "the list is read again when it has changed";
  scratch_.write("var/lib/containers/storage/overlay-containers/volatile-containers.json",
                 R"([{"id": ")" + id('f') + R"(", "names": ["of podman run --rm"]}])");
  EXPECT_EQ(find('f').record.container, "of podman run --rm");
}

TEST_F(RuntimeStateFilesTest, AFileOfGarbageNamesNobody) {
  scratch_.write("run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id('a') + "/config.json", "{");
  scratch_.write("var/lib/docker/containers/" + id('a') + "/config.v2.json",
                 R"({"ID": "other", "Name": "/x"})");
  scratch_.write("var/lib/containers/storage/overlay-containers/containers.json", "\xff");
  EXPECT_EQ(find('a').state, State::kUnknown);
}

}  // namespace
}  // namespace sonde::identity
