#include "identity/runtime_state.h"

#include <gtest/gtest.h>

namespace sonde::identity {
namespace {

TEST(RuntimeState, AnOciBundleOfContainerdsCriPlugInNamesAContainer) {
  const auto record = parse_oci_bundle(R"({"ociVersion": "1.0.2-dev", "annotations": {
      "io.kubernetes.cri.container-name": "server", "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.image-name": "localhost/api:1", "io.kubernetes.cri.sandbox-id": "4f1a",
      "io.kubernetes.cri.sandbox-name": "api-7d8f9c6b5-x2v4z", "io.kubernetes.cri.sandbox-namespace": "shop",
      "io.kubernetes.cri.sandbox-uid": "3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d"}})");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->name_space, "shop");
  EXPECT_EQ(record->pod, "api-7d8f9c6b5-x2v4z");
  EXPECT_EQ(record->pod_uid, "3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d");
  EXPECT_EQ(record->container, "server");
  EXPECT_EQ(record->image, "localhost/api:1");
  EXPECT_FALSE(record->sandbox);
}

TEST(RuntimeState, ASandboxHasNoContainerName) {
  const auto record = parse_oci_bundle(R"({"ociVersion": "1.0.2", "annotations": {
      "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-name": "api-0",
      "io.kubernetes.cri.sandbox-namespace": "shop"}})");
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->sandbox);
  EXPECT_EQ(record->container, "");
}

TEST(RuntimeState, AnOciBundleOfCriOBringsThePodsLabels) {
  const auto record = parse_oci_bundle(R"({"ociVersion": "1.0.2", "annotations": {
      "io.kubernetes.container.name": "server", "io.kubernetes.cri-o.ContainerType": "container",
      "io.kubernetes.cri-o.Labels": "{\"pod-template-hash\": \"7d8f9c6b5\"}",
      "io.kubernetes.pod.name": "api-7d8f9c6b5-x2v4z", "io.kubernetes.pod.namespace": "shop",
      "io.kubernetes.pod.uid": "3e2b"}})");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->container, "server");
  EXPECT_EQ(name_of(*record, "node-1").service, "api");
}

TEST(RuntimeState, ABundleThatTellsNoNamesIsTold) {
  EXPECT_EQ(parse_oci_bundle(R"({"ociVersion": "1.0.2"})").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(parse_oci_bundle(R"({"ociVersion": "1.0.2", "annotations": 7})").error().code,
            ErrorCode::kNotFound);
  for (const char* text : {"", "{", "[]", "7", "{\"ociVersion\": 1}", "\xff"}) {
    EXPECT_EQ(parse_oci_bundle(text).error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(RuntimeState, DockersConfigNamesAContainerOrAPodsContainer) {
  const auto plain = parse_docker_config(R"({"ID": "4f1a", "Name": "/shop-api-2",
      "Config": {"Image": "api:1", "Labels": {"com.docker.compose.service": "api"}}})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->id, "4f1a");
  EXPECT_EQ(name_of(*plain, "node-1"),
            (ContainerName{.name_space = "", .pod = "", .container = "shop-api-2", .service = "api"}));
  const auto in_pod =
      parse_docker_config(R"({"ID": "4f1a", "Name": "/k8s_server_api-0_shop_3e2b_0", "Config": {
      "Labels": {"io.kubernetes.pod.name": "api-0", "io.kubernetes.pod.namespace": "shop",
                 "io.kubernetes.container.name": "server", "io.kubernetes.docker.type": "container"}}})");
  ASSERT_TRUE(in_pod);
  EXPECT_EQ(in_pod->pod, "api-0");
  EXPECT_EQ(in_pod->container, "server");
  for (const char* text : {"", "{}", "{\"ID\": \"4f1a\"}", "{\"ID\": 4, \"Name\": \"/x\"}", "[1]"}) {
    EXPECT_EQ(parse_docker_config(text).error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(RuntimeState, PodmansContainersAreRead) {
  const auto records = parse_podman_containers(R"([
      {"id": "4f1a", "names": ["web-1"], "metadata": "{\"image-name\": \"localhost/web:1\"}"},
      {"id": "4f1b", "names": []}, {"names": ["lost"]}, 7, {"id": "4f1c", "names": ["db"], "metadata": "no JSON"}])");
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[0].container, "web-1");
  EXPECT_EQ((*records)[0].image, "localhost/web:1");
  EXPECT_EQ((*records)[1].container, "db");
  EXPECT_EQ(name_of((*records)[0], "").service, "web");
  EXPECT_EQ(parse_podman_containers("{}").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sonde::identity
