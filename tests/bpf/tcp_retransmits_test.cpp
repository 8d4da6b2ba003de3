#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/bpf/support/lossy_tcp.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

constexpr const char* kRetransmits = "sonde_pod_tcp_retransmits_total";

/// RetransSegs of a process's network namespace: the kernel's own count.
double retransmitted_segments(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/net/snmp");
  std::string names;
  std::string values;
  while (std::getline(file, names) && std::getline(file, values)) {
    if (!names.starts_with("Tcp:")) continue;
    std::istringstream name_words(names);
    std::istringstream value_words(values);
    std::string name;
    std::string value;
    while (name_words >> name && value_words >> value) {
      if (name == "RetransSegs") return std::stod(value);
    }
  }
  ADD_FAILURE() << "no RetransSegs for process " << process;
  return -1;
}

uint64_t network_namespace_of(pid_t process) {
  struct stat status{};
  return ::stat(("/proc/" + std::to_string(process) + "/ns/net").c_str(), &status) == 0 ? status.st_ino : 0;
}

double pod_value(const Exposition& page, std::string_view pod) {
  return page.value(kRetransmits, {{"pod", std::string(pod)}, {"container", ""}});
}

/// A table of pods whose network namespaces are those of the workers.
exporter::ContainerTable pods_of(const std::vector<std::pair<const TestCgroup*, const Worker*>>& pods) {
  std::vector<exporter::Container> containers;
  for (const auto& [cgroup, worker] : pods) {
    containers.push_back(cgroup->container());
    containers.back().network_namespace = network_namespace_of(worker->process());
  }
  return {std::move(containers), {}, {}};
}

/// Two pods with a network namespace each, which send over a lossy link of their own.
class TcpRetransmits : public testing::Test {
 protected:
  TcpRetransmits()
      : target_(target_cgroup_, send_over_a_lossy_link),
        neighbour_(neighbour_cgroup_, send_over_a_lossy_link),
        probe_(exporter::make_tcp_retransmits_collector) {
    // The first run moves each into a namespace of its own.
    target_.run(0);
    neighbour_.run(0);
    table_ = pods_of({{&target_cgroup_, &target_}, {&neighbour_cgroup_, &neighbour_}});
  }

  TestCgroup target_cgroup_{"target"};
  TestCgroup neighbour_cgroup_{"neighbour"};
  Worker target_;
  Worker neighbour_;
  Probe probe_;
  exporter::ContainerTable table_;
};

TEST_F(TcpRetransmits, APodsRowIsWhatItsNamespaceCounts) {
  const Exposition start = probe_.scrape(table_);
  EXPECT_EQ(pod_value(start, "target"), 0);
  EXPECT_EQ(pod_value(start, "neighbour"), 0);

  neighbour_.start();
  target_.run(20);
  neighbour_.stop();

  const Exposition page = probe_.scrape(table_);
  EXPECT_GT(pod_value(page, "target"), 23);
  EXPECT_EQ(pod_value(page, "target"), retransmitted_segments(target_.process()));
  EXPECT_EQ(pod_value(page, "neighbour"), retransmitted_segments(neighbour_.process()));
}

TEST_F(TcpRetransmits, NamespacesThatNoPodHasGoToTheHostRow) {
  const exporter::ContainerTable only_target = pods_of({{&target_cgroup_, &target_}});
  const double before = pod_value(probe_.scrape(only_target), "");
  const double counted_before = retransmitted_segments(neighbour_.process());
  neighbour_.run(20);
  (void)probe_.scrape(only_target);  // a new namespace has a row from its second reading on
  const Exposition page = probe_.scrape(only_target);
  const double grown = retransmitted_segments(neighbour_.process()) - counted_before;
  EXPECT_GT(grown, 0);
  EXPECT_GE(pod_value(page, "") - before, grown);  // the machine's own connections go there too
  EXPECT_EQ(pod_value(page, "target"), 0);
}

TEST(TcpRetransmitFailures, AreNotCountedAsTheKernelDoesNot) {
  const TestCgroup cgroup("target");
  Worker worker(cgroup, send_while_the_route_is_away);
  worker.run(0);  // into a namespace of its own
  Probe probe(exporter::make_tcp_retransmits_collector);
  const auto table = pods_of({{&cgroup, &worker}});
  worker.run(1);
  const double counted = pod_value(probe.scrape(table), "target");
  EXPECT_GT(counted, 0);
  EXPECT_EQ(counted, retransmitted_segments(worker.process()));
}

}  // namespace
}  // namespace sonde::test
