#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::analyzer {

/// The four identity labels of what a result is about; container and pod are "" for a service.
struct Entity {
  std::string name_space;
  std::string pod;
  std::string container;
  std::string service;

  friend auto operator<=>(const Entity&, const Entity&) = default;
};

/// A piece of evidence: the series behind a number and the span it was taken from.
struct Evidence {
  std::string quantity;  ///< the metric map's name: cpu_usage
  std::string series;    ///< canonical series name, or the selector whose series were summed
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  double value = 0;         ///< now, in the quantity's base unit (rates: per second)
  double expected = 0;      ///< the baseline's mean
  double deviation = 0;     ///< the baseline's standard deviation, floored
  double contribution = 0;  ///< share of the score, 0..1
  std::string unit;         ///< "cores", "bytes/s" …
  /// The last columns up to end_ms, NaN for a gap; filled for findings only. `step_ms` apart.
  std::vector<double> points;
  int64_t step_ms = 0;
};

/// One detector's word on one entity.
struct Score {
  std::string detector;
  Entity entity;
  double value = 0;
  double threshold = 0;  ///< NaN where there is none yet
  bool anomalous = false;
  bool inconclusive = false;
  std::string reason;  ///< why inconclusive, in words, else ""
  /// While a detector learns what is usual: samples taken in so far, and how many it needs. Both 0 otherwise.
  size_t learned = 0;
  size_t needed = 0;
  std::vector<Evidence> evidence;
};

/// A named cause.
struct Finding {
  Entity entity;          ///< the container named; container "" where only a service is
  std::string fault;      ///< the quantity that moved most: "cpu_usage"
  double confidence = 0;  ///< 0..1; a ranking aid, not a calibrated probability
  bool inconclusive = false;
  std::string explanation;         ///< one sentence for people
  int64_t since_ms = 0;            ///< first column that showed it
  std::vector<Evidence> evidence;  ///< the container's strongest quantities first
  std::vector<Evidence> replicas;  ///< the same quantity of the service's other containers
};

/// Whether the services moved together.
struct FleetState {
  bool shifted = false;     ///< most services' load moved in one direction, for 2 of 3 columns
  double load_ratio = 1;    ///< median over the services: load now / expected
  unsigned services = 0;    ///< that had a load to compare
  std::string explanation;  ///< one sentence, "" where nothing moved
};

/// Why a classifier says nothing of a column.
enum class Abstention {
  kNone,
  kNoModel,
  kMissingFeature,
  kAmbiguousService,
  kLowConfidence,
  kUnsettled,  ///< another class than of the column before
};

/// As in metrics: "missing_feature"; "" for kNone.
std::string_view abstention_name(Abstention why);

/// One class that a column may be of. Of no service: `normal` and `heavy workload`, which are then the fault.
struct ClassProbability {
  std::string name_space;
  std::string service;
  std::string fault;
  double probability = 0;
};

/// What a classifier that was trained with known faults says of the column.
struct FaultClasses {
  std::string algorithm;
  std::string model;       ///< its file; "" where there is none
  int64_t trained_ms = 0;  ///< when it was learnt
  Abstention abstained = Abstention::kNone;
  std::string reason;     ///< of the abstention, in words
  ClassProbability most;  ///< the most probable one; empty where none was reckoned
  std::vector<ClassProbability>
      probabilities;  ///< of all classes; empty where a row could not be told at all
};

/// A service that the report knows of, and its containers.
struct ServiceSummary {
  std::string name_space;
  std::string service;
  std::vector<Entity> containers;
};

/// All results of one tick. Immutable once published.
struct Report {
  int64_t time_ms = 0;  ///< end of the window that it judges
  int64_t window_ms = 0;
  int64_t step_ms = 0;
  double tick_seconds = 0;
  uint64_t series_read = 0;
  uint64_t samples_read = 0;
  std::vector<Score> scores;
  std::vector<Finding> findings;
  FleetState fleet;
  std::optional<FaultClasses> classes;   ///< where a classifier is configured
  std::vector<ServiceSummary> services;  ///< sorted by namespace, service
  std::vector<std::string> missing;      ///< what was asked for and not found, in words
};

using ReportPointer = std::shared_ptr<const Report>;

}  // namespace sonde::analyzer
