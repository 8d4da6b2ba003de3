#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/flow_programs.h"
#include "tests/flows/support/counting_programs.h"
#include "tests/flows/support/namespaces.h"
#include "tests/support/exposition.h"

namespace sonde::test {

/// A network namespace for the test alone that stands for the node, and the containers that are known in it.
class FlowInterfacesTest : public testing::Test {
 protected:
  FlowInterfacesTest() { enter_new_namespace(); }

  exporter::FlowInterfacesOptions options(exporter::FlowAttach attach = exporter::FlowAttach::kHostEnds,
                                          exporter::TcMeans means = exporter::TcMeans::kBest) {
    exporter::FlowInterfacesOptions options;
    options.attach = attach;
    options.means = means;
    options.programs = [this](uint32_t space) {
      const std::lock_guard lock(mutex_);
      spaces_.insert(space);
      return programs_.descriptors();
    };
    options.release = [this](uint32_t space) {
      const std::lock_guard lock(mutex_);
      spaces_.erase(space);
    };
    options.containers = [this] {
      const std::lock_guard lock(mutex_);
      return containers_;
    };
    return options;
  }
  void start(exporter::FlowInterfacesOptions options) {
    auto started = exporter::FlowInterfaces::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    flows_ = std::move(*started);
  }
  void know(const Pod& pod) {
    const std::lock_guard lock(mutex_);
    containers_.push_back(pod.network());
  }
  void know_none() {
    const std::lock_guard lock(mutex_);
    containers_.clear();
  }
  size_t open_spaces() {
    const std::lock_guard lock(mutex_);
    return spaces_.size();
  }

  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> names;
    for (const exporter::FlowInterface& interface : flows_->current()) names.insert(interface.name);
    return names;
  }
  [[nodiscard]] double metric(const std::string& name,
                              const std::map<std::string, std::string>& labels = {}) const {
    metrics::SeriesWriter writer;
    flows_->write(writer);
    const auto page = parse_exposition(writer.text());
    return page ? page->value(name, labels) : std::nan("");
  }

  CountingPrograms programs_;
  std::mutex mutex_;  ///< guards the next two
  std::vector<exporter::ContainerNetwork> containers_;
  std::set<uint32_t> spaces_;
  std::unique_ptr<exporter::FlowInterfaces> flows_;  ///< after what its thread uses
};

}  // namespace sonde::test
