// What several threads may call is called by several at once: for ThreadSanitizer. Run as root.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "exporter/flows/flow_accounts.h"
#include "exporter/flows/tracing/trace_trigger.h"
#include "exporter/flows/tracing/tracer.h"
#include "tests/flows/support/flow_interfaces_fixture.h"

namespace sonde::test {
namespace {

using exporter::ContainerTable;

/// Calls each over and over, in a thread of its own, while the work is done.
void while_called(const std::vector<std::function<void()>>& calls, const std::function<void()>& work) {
  std::atomic<bool> done = false;
  std::vector<std::jthread> threads;
  for (const auto& call : calls) {
    threads.emplace_back([&call, &done] {
      while (!done) call();
    });
  }
  work();
  done = true;
}

std::shared_ptr<const ContainerTable> table_of(const Pod& pod, const std::string& service = "api") {
  exporter::Container one;
  one.name = {"shop", "api-1", "server", service};
  one.pod_labels = metrics::Labels{{"pod", "api-1"}};
  one.network_namespace = pod.network_namespace();
  one.process_id = pod.process();
  one.life = 1;
  return std::make_shared<const ContainerTable>(std::vector{one}, std::vector<exporter::Container>{},
                                                ContainerTable::Owners{});
}

class FlowThreads : public FlowInterfacesTest {
 protected:
  exporter::CapabilityTable capabilities_;
  exporter::BpfContext context_{{}, capabilities_};
};

TEST_F(FlowThreads, InterfacesComeAndGoWhileOthersAsk) {
  start(options());
  while_called({[this] { (void)flows_->current(); }, [this] { (void)flows_->addresses(); },
                [this] { (void)metric("sonde_exporter_flow_interfaces"); }},
               [this] {
                 for (int round = 0; round < 3; ++round) {
                   Pod pod;
                   know(pod);
                   pod.connect("host1", 1);
                   EXPECT_TRUE(eventually([this] { return names().contains("host1"); }));
                   know_none();
                   run("ip link del host1");
                   EXPECT_TRUE(eventually([this] { return names().empty(); }));
                 }
               });
}

TEST_F(FlowThreads, WhatIsCountedIsTakenInWhileOthersAsk) {
  Pod pod;
  pod.connect("host1", 1);
  const auto table = table_of(pod);
  auto monitor = exporter::FlowMonitor::start(context_, {}, [&table] { return table; });
  ASSERT_TRUE(monitor) << monitor.error().message;
  exporter::FlowAccounts accounts(context_, **monitor, {}, {}, [&table] { return table; });
  std::atomic<int> wrong = 0;
  while_called({[&] { (void)accounts.pairs(); }, [&] { (void)accounts.overflowed(); },
                [&] { wrong += accounts.table().counts() ? 0 : 1; },
                [&] { wrong += accounts.page({}, nullptr).status == 200 ? 0 : 1; }},
               [&] {
                 const auto end =
                     SteadyClock::now() + std::chrono::seconds(6);  // its own thread looks every 5 s
                 while (SteadyClock::now() < end) {
                   send_datagrams("10.0.1.2", 10);
                   EXPECT_TRUE(accounts.update(*table, SteadyClock::now()));
                 }
               });
  EXPECT_EQ(wrong, 0);
  EXPECT_FALSE(accounts.rows().empty());
}

TEST_F(FlowThreads, TracesBeginAndEndWhileOthersAsk) {
  const auto none = std::make_shared<const ContainerTable>();
  exporter::Tracer tracer(context_, {.containers = [&none] { return none; }});
  constexpr uint64_t kTraces = 5;
  while_called({[&] { (void)tracer.reports(); }, [&] { (void)tracer.report(1); },
                [&] {
                  metrics::SeriesWriter writer;
                  tracer.write(writer);
                }},
               [&] {
                 for (uint64_t id = 1; id <= kTraces; ++id) {
                   const auto started = tracer.start({.space = 0, .duration = exporter::kShortestTrace},
                                                     exporter::TraceCause::kRequest);
                   ASSERT_TRUE(started) << started.error().message;
                   EXPECT_EQ(*started, id);
                   EXPECT_TRUE(eventually([&] { return tracer.running() == 0; }));
                 }
               });
  EXPECT_EQ(tracer.reports().size(), kTraces);
}

TEST_F(FlowThreads, AThresholdFollowsTheServiceThatBecomesKnown) {
  Pod pod;
  pod.connect("host1", 1);
  std::mutex mutex;
  auto table = table_of(pod, "");
  const auto containers = [&] {
    const std::lock_guard lock(mutex);
    return table;
  };
  auto monitor = exporter::FlowMonitor::start(context_, {}, containers);
  ASSERT_TRUE(monitor) << monitor.error().message;
  exporter::Tracer tracer(context_, {.containers = containers});
  exporter::TriggerRules rules;
  rules["*"].absolute = std::chrono::milliseconds(90);
  rules["api"].absolute = std::chrono::milliseconds(60);
  const auto trigger = exporter::TraceTrigger::start(
      (*monitor)->programs(), tracer, {.rules = rules, .containers = containers, .interfaces = [&] {
                                         return (*monitor)->interfaces().current();
                                       }});
  ASSERT_TRUE(trigger) << trigger.error().message;
  const auto threshold_is = [&](uint64_t ns) {
    const auto all = (*monitor)->programs().thresholds();
    return all.size() == 1 && all.begin()->second.absolute_ns == ns;
  };
  EXPECT_TRUE(eventually([&] { return threshold_is(90'000'000); }));
  {
    const std::lock_guard lock(mutex);
    table = table_of(pod);
  }
  EXPECT_TRUE(eventually([&] { return threshold_is(60'000'000); }));
}

}  // namespace
}  // namespace sonde::test
