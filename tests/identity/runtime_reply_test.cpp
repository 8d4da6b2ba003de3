#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "identity/cri_reply.h"
#include "identity/docker_socket.h"
#include "identity/proto/cri.pb.h"

namespace sonde::identity {
namespace {

TEST(CriReply, JoinsContainersWithTheirSandboxes) {
  cri::ListPodSandboxResponse sandboxes;
  cri::PodSandbox& sandbox = *sandboxes.add_items();
  sandbox.set_id("s1");
  sandbox.mutable_metadata()->set_name("cart-7d8f9c6b5d-x2v4z");
  sandbox.mutable_metadata()->set_namespace_("shop");
  sandbox.mutable_metadata()->set_uid("u1");
  (*sandbox.mutable_labels())["pod-template-hash"] = "7d8f9c6b5d";
  cri::ListContainersResponse containers;
  cri::Container& container = *containers.add_containers();
  container.set_id("c1");
  container.set_pod_sandbox_id("s1");
  container.mutable_metadata()->set_name("server");
  container.mutable_image()->set_image("sha256:77");
  container.mutable_image()->set_user_specified_image("localhost/cart:1");
  container.set_image_ref("sha256:77");
  container.set_created_at(1'500'000'000);
  containers.add_containers()->set_pod_sandbox_id("gone");

  auto records = parse_cri_lists(sandboxes.SerializeAsString(), containers.SerializeAsString());
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2U) << "one is of no sandbox";
  EXPECT_TRUE((*records)[0].sandbox);
  ContainerRecord& record = (*records)[1];
  EXPECT_EQ(record.id, "c1");
  EXPECT_FALSE(record.sandbox);
  EXPECT_EQ(name_of(record, "node"), (ContainerName{"shop", "cart-7d8f9c6b5d-x2v4z", "server", "cart"}));
  EXPECT_EQ(record.image, "localhost/cart:1");
  EXPECT_EQ(record.started_at, 1.5);

  cri::ContainerStatusResponse status;
  status.mutable_status()->set_started_at(2'000'000'000);
  status.mutable_status()->set_image_ref("localhost/cart@sha256:88");
  ASSERT_TRUE(add_cri_status(status.SerializeAsString(), record));
  EXPECT_EQ(record.started_at, 2);
  EXPECT_EQ(record.image_digest, "localhost/cart@sha256:88");
  EXPECT_EQ(record.image, "localhost/cart:1");
}

TEST(CriReply, OfOtherBytesIsRefused) {
  ContainerRecord record;
  for (const char* const text : {"\xff", "\x0a\xff", "not a message"}) {
    EXPECT_EQ(parse_cri_lists(text, "").error().code, ErrorCode::kInvalid) << text;
    EXPECT_EQ(parse_cri_lists("", text).error().code, ErrorCode::kInvalid) << text;
    EXPECT_EQ(add_cri_status(text, record).error().code, ErrorCode::kInvalid) << text;
  }
  EXPECT_TRUE(parse_cri_lists("", "")->empty());
}

TEST(DockerReply, NamesContainersAndThoseOfPods) {
  const auto records = parse_docker_list(R"([
      {"Id": "4f1a", "Names": ["/shop-api-2"], "Image": "api:1", "ImageID": "sha256:77", "Created": 1700000000,
       "Labels": {"com.docker.compose.service": "api"}},
      {"Id": "77aa", "Names": ["/k8s_server_api-0_shop_u1_0"], "Labels": {"io.kubernetes.pod.name": "api-0",
       "io.kubernetes.pod.namespace": "shop", "io.kubernetes.container.name": "server"}},
      {"Names": ["/no-id"]}, {"Id": "no-name", "Names": []}, 7])");
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ(name_of((*records)[0], ""), (ContainerName{"", "", "shop-api-2", "api"}));
  EXPECT_EQ((*records)[0].image_digest, "sha256:77");
  EXPECT_EQ((*records)[0].started_at, 1700000000);
  EXPECT_EQ((*records)[1].pod, "api-0");
  EXPECT_EQ((*records)[1].container, "server");
}

TEST(DockerReply, TellsWhenAContainerWasStarted) {
  ContainerRecord record;
  record.started_at = 5;
  ASSERT_TRUE(add_docker_details(R"({"State": {"StartedAt": "2023-11-14T22:13:20.123456789Z"}})", record));
  EXPECT_EQ(record.started_at, 1700000000);
  for (const char* const text :
       {"{}", R"({"State": 7})", R"({"State": {"StartedAt": "0001-01-01T00:00:00Z"}})",
        R"({"State": {"StartedAt": ""}})", R"({"State": {"StartedAt": "2023-11-14T22:13:20+01:00"}})"}) {
    ASSERT_TRUE(add_docker_details(text, record)) << text;
    EXPECT_EQ(record.started_at, 1700000000) << text;
  }
  EXPECT_EQ(add_docker_details("[", record).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(parse_docker_list("{}").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sonde::identity
