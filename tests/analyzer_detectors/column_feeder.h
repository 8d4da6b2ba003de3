#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "analyzer/detectors/detector.h"

namespace sonde::analyzer {

/// Detector input made of one column after the other: containers by name, "api-2" is of service "api".
class ColumnFeeder {
 public:
  ColumnFeeder(std::map<std::string, QuantityTraits> traits, std::vector<std::string> containers,
               size_t frame_columns = 20)
      : traits_(std::move(traits)), frame_columns_(frame_columns) {
    set_containers(std::move(containers));
  }

  /// From now on these exist; their frames begin as gaps. The names are sorted.
  void set_containers(std::vector<std::string> containers) {
    entities_.clear();
    for (const std::string& name : containers) {
      entities_.push_back({"shop", name, name, name.substr(0, name.rfind('-'))});
    }
    for (const auto& [quantity, traits] : traits_) {
      Frame frame;
      frame.step_ms = 2000;
      frame.columns = frame_columns_;
      frame.values.assign(entities_.size() * frame_columns_, kGap);
      for (const Entity& entity : entities_) {
        frame.series.push_back(LabelSet({{"__name__", quantity}, {"container", entity.container}}));
      }
      frames_[quantity] = frame;
    }
  }

  /// Appends a column; `value` gives what a container shows of a quantity.
  void push(const std::function<double(const std::string& quantity, const std::string& container)>& value) {
    now_ms_ += 2000;
    for (auto& [quantity, frame] : frames_) {
      frame.start_ms = now_ms_ - static_cast<int64_t>(frame_columns_ - 1) * 2000;
      for (size_t row = 0; row < entities_.size(); ++row) {
        const std::span<double> cells = frame.row(row);
        std::shift_left(cells.begin(), cells.end(), 1);
        cells.back() = value(quantity, entities_[row].container);
      }
    }
  }

  [[nodiscard]] DetectorInput input() const {
    return {entities_, frames_, no_services_, no_frames_, traits_, now_ms_};
  }

 private:
  std::map<std::string, QuantityTraits> traits_;
  size_t frame_columns_;
  std::vector<Entity> entities_;
  std::map<std::string, Frame> frames_;
  std::vector<Entity> no_services_;
  std::map<std::string, Frame> no_frames_;
  int64_t now_ms_ = 1'700'000'000'000;
};

inline std::map<std::string, QuantityTraits> shop_traits() {
  return {{"cpu", {.floor = 0.02, .unit = "cores"}},
          {"memory", {.floor = 1000, .unit = "bytes/s"}},
          {"traffic", {.floor = 100, .role = Role::kSymptom, .load = true, .unit = "bytes/s"}}};
}

/// The score of a container by a detector; fails the test if there is none.
inline const Score* find_score(const std::vector<Score>& scores, const std::string& container) {
  for (const Score& score : scores) {
    if (score.entity.container == container) return &score;
  }
  return nullptr;
}

}  // namespace sonde::analyzer
