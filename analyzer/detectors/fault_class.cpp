#include "analyzer/detectors/fault_class.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace sonde::analyzer {
namespace {

FaultClasses abstain(FaultClasses classes, Abstention why, std::string reason) {
  classes.abstained = why;
  classes.reason = std::move(reason);
  return classes;
}

/// `SERVICE/FAULT`, or a label that is of no service.
ClassProbability class_of(const std::string& label, double probability, const ServiceFeatures& features) {
  const size_t slash = label.rfind('/');
  if (slash == std::string::npos) return {"", "", label, probability};
  ClassProbability one{"", label.substr(0, slash), label.substr(slash + 1), probability};
  const auto name_space = features.name_spaces.find(one.service);
  if (name_space != features.name_spaces.end()) one.name_space = name_space->second;
  return one;
}

}  // namespace

std::string foreign_shape(const Model& model, const std::string& algorithm,
                          const std::vector<std::string>& quantities) {
  if (model.find(algorithm) == nullptr) {
    return fmt::format("has not learnt with classifier.algorithm={}; train it with --algorithm=all",
                       algorithm);
  }
  for (const std::string& feature : model.features) {
    const bool known = std::ranges::any_of(
        quantities, [&](const std::string& quantity) { return feature.ends_with("_" + quantity); });
    if (!known) {
      return fmt::format(
          "has learnt from {}, which ends in no quantity of metric_map; train it with this "
          "analyzer's quantities",
          feature);
    }
  }
  return "";
}

FaultClasses classify_faults(const StoredModel& stored, const ServiceFeatures& features,
                             const FaultClassOptions& options) {
  FaultClasses classes;
  classes.algorithm = options.algorithm;
  if (!stored.model)
    return abstain(std::move(classes), Abstention::kNoModel, "there is no model that can be used");
  const Model& model = *stored.model;
  classes.model = stored.file;
  classes.trained_ms = model.trained_ms;
  const Classifier* const classifier = model.find(options.algorithm);
  if (classifier == nullptr) {
    return abstain(
        std::move(classes), Abstention::kNoModel,
        fmt::format("the model has no classifier {}; train it with --algorithm=all", options.algorithm));
  }
  std::vector<double> row;
  std::vector<std::string> missing;
  for (const std::string& name : model.features) {
    const auto found = features.values.find(name);
    row.push_back(found == features.values.end() ? kGap : found->second);
    if (is_gap(row.back())) missing.push_back(name);
  }
  if (!missing.empty()) {
    constexpr size_t kShown = 3;
    const size_t count = missing.size();
    missing.resize(std::min(count, kShown));
    return abstain(std::move(classes), Abstention::kMissingFeature,
                   fmt::format("{} of {} features are missing: {}{}", count, model.features.size(),
                               fmt::join(missing, ", "), count > kShown ? ", …" : ""));
  }
  for (const std::string& service : features.ambiguous) {
    if (std::ranges::none_of(model.features,
                             [&](const std::string& name) { return name.starts_with(service + "_"); }))
      continue;
    return abstain(std::move(classes), Abstention::kAmbiguousService,
                   fmt::format("several namespaces have a service {}; set classifier.namespace", service));
  }
  model.standardiser.apply(row);
  std::vector<double> probabilities(model.classes.size());
  classifier->probabilities(row, probabilities);
  for (size_t c = 0; c < probabilities.size(); ++c) {
    classes.probabilities.push_back(class_of(model.classes[c], probabilities[c], features));
  }
  classes.most = *std::ranges::max_element(classes.probabilities, {}, &ClassProbability::probability);
  if (!(classes.most.probability >= options.confidence)) {
    const double most = classes.most.probability;
    return abstain(std::move(classes), Abstention::kLowConfidence,
                   fmt::format("the most probable class has {:.2f}, below classifier.confidence={:g}", most,
                               options.confidence));
  }
  return classes;
}

void require_settled(FaultClasses& classes, const FaultClasses& before) {
  const auto same = [&](const ClassProbability& one) {
    return one.service == before.most.service && one.fault == before.most.fault;
  };
  if (classes.abstained != Abstention::kNone || same(classes.most)) return;
  classes.abstained = Abstention::kUnsettled;
  classes.reason =
      before.most.fault.empty()
          ? "the column before could not be told; one more is waited for"
          : fmt::format("the column before was {}{}{}; one more is waited for", before.most.service,
                        before.most.service.empty() ? "" : "/", before.most.fault);
}

}  // namespace sonde::analyzer
