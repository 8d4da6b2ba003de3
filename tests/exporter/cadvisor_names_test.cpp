#include "exporter/cadvisor_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "exporter/container_listing.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

using testing::SizeIs;

Container container(const identity::ContainerName& name, const std::string& image) {
  Container made;
  made.path = "/kubepods/pod1/" + name.container;
  made.name = name;
  auto record = std::make_shared<identity::ContainerRecord>();
  record->id = "4f1a";
  record->image = image;
  made.record = std::move(record);
  set_labels(made);
  return made;
}

class CadvisorNames : public testing::Test {
 protected:
  CadvisorNames() : table_({container({"shop", "api-0", "server", "api"}, "api:1")}, {}, {}) {}
  test::Exposition written(const std::string& page) {
    metrics::SeriesWriter writer;
    write_cadvisor_names(page, table_, writer);
    EXPECT_THAT(test::duplicate_series(std::string(writer.text())), SizeIs(0));
    const auto parsed = test::parse_exposition(std::string(writer.text()));
    EXPECT_TRUE(parsed);
    return parsed ? *parsed : test::Exposition();
  }

  ContainerTable table_;
};

constexpr const char* kNames = R"({namespace="shop",pod="api-0",container="server",service="api")";
constexpr const char* kPodNames = R"({namespace="shop",pod="api-0",container="",service="api")";

TEST_F(CadvisorNames, AreThoseOfTheSameQuantitiesWithImageIdAndName) {
  const auto page = written("# HELP x\n" + (std::string("sonde_container_cpu_usage_seconds_total") + kNames) +
                            "} 1.5\nsonde_container_cpu_limit_cores" + kNames +
                            "} 0.5\nsonde_container_cpu_request_cores" + kNames + "} 0.974609375\n");
  EXPECT_EQ(page.value("container_cpu_usage_seconds_total", {{"namespace", "shop"},
                                                             {"pod", "api-0"},
                                                             {"container", "server"},
                                                             {"id", "/kubepods/pod1/server"},
                                                             {"image", "api:1"},
                                                             {"name", "4f1a"},
                                                             {"cpu", "total"}}),
            1.5);
  EXPECT_EQ(page.value("container_spec_cpu_quota", {{"container", "server"}}), 50'000);
  EXPECT_EQ(page.value("container_spec_cpu_period", {{"container", "server"}}), 100'000);
  EXPECT_EQ(page.value("container_spec_cpu_shares", {{"container", "server"}}), 998);
}

TEST_F(CadvisorNames, SumsWhatCadvisorDoesNotTellApart) {
  const std::string faults = std::string("sonde_container_memory_page_faults_total") + kNames;
  const auto page = written(faults + ",kind=\"minor\"} 20\n" + faults + ",kind=\"major\"} 3\n");
  EXPECT_EQ(page.value("container_memory_failures_total", {{"failure_type", "pgfault"}}), 23);
  EXPECT_EQ(page.value("container_memory_failures_total", {{"failure_type", "pgmajfault"}}), 3);
}

TEST_F(CadvisorNames, OfDisksAreTakenByTheKubernetesMixin) {
  const std::string bytes = std::string("sonde_container_block_bytes_total") + kNames;
  const auto page = written(bytes + ",operation=\"read\"} 4096\n" + bytes + ",operation=\"write\"} 512\n");
  const auto found = page.find("container_fs_reads_bytes_total");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].value, 4096);
  // Its diskDeviceSelector, of now and as it was until 2024.
  for (const char* const selector : {"(/dev/)?(mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|md.+|dasd.+)",
                                     "(/dev.+)|mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|dasd.+"}) {
    EXPECT_TRUE(std::regex_match(found[0].labels.at("device"), std::regex(selector))) << selector;
  }
}

TEST_F(CadvisorNames, OfPressureAreSix) {
  std::string text;
  for (const char* const what : {"waiting", "stalled"}) {
    for (const char* const resource : {"cpu", "memory", "io"}) {
      text += std::string("sonde_container_pressure_") + what + "_seconds_total" + kNames + ",resource=\"" +
              resource + "\"} 1\n";
    }
  }
  EXPECT_THAT(written(text).samples, SizeIs(6));
}

TEST_F(CadvisorNames, PodsHaveNoContainerLabel) {
  const auto page = written(std::string("sonde_pod_network_receive_bytes_total") + kPodNames + "} 7\n");
  const auto found = page.find("container_network_receive_bytes_total");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].labels, (std::map<std::string, std::string>{
                                 {"namespace", "shop"}, {"pod", "api-0"}, {"interface", "all"}}));
}

TEST_F(CadvisorNames, WhoIsGoneOrNoContainerHasNone) {
  const auto page = written(
      R"(sonde_container_memory_usage_bytes{namespace="",pod="",container="",service="sshd"} 1
sonde_container_memory_usage_bytes{namespace="shop",pod="gone",container="server",service="api"} 1
)");
  EXPECT_TRUE(page.samples.empty());
}

}  // namespace
}  // namespace sonde::exporter
