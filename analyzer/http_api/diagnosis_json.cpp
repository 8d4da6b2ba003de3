#include <nlohmann/json.hpp>

#include "analyzer/http_api/diagnosis_view.h"

namespace sonde::analyzer {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  // Labels may hold any bytes; NaN becomes null.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void add_entity(Json& json, const Entity& entity) {
  json["namespace"] = entity.name_space;
  json["pod"] = entity.pod;
  json["container"] = entity.container;
  json["service"] = entity.service;
}

Json evidence_json(const Evidence& evidence) {
  Json json;
  json["quantity"] = evidence.quantity;
  json["series"] = evidence.series;
  json["from"] = time_text(evidence.start_ms);
  json["to"] = time_text(evidence.end_ms);
  json["unit"] = evidence.unit;
  json["value"] = evidence.value;
  json["expected"] = evidence.expected;
  json["deviation"] = evidence.deviation;
  json["contribution"] = evidence.contribution;
  if (!evidence.points.empty()) {
    json["step_ms"] = evidence.step_ms;
    json["points"] = evidence.points;
  }
  return json;
}

Json evidence_list(const std::vector<Evidence>& list) {
  Json json = Json::array();
  for (const Evidence& evidence : list) json.push_back(evidence_json(evidence));
  return json;
}

Json finding_json(const Finding& finding) {
  Json json;
  add_entity(json, finding.entity);
  json["fault"] = finding.fault;
  json["confidence"] = finding.confidence;
  json["inconclusive"] = finding.inconclusive;
  json["since"] = time_text(finding.since_ms);
  json["explanation"] = finding.explanation;
  json["evidence"] = evidence_list(finding.evidence);
  json["replicas"] = evidence_list(finding.replicas);
  return json;
}

Json score_json(const Score& score) {
  Json json;
  json["detector"] = score.detector;
  add_entity(json, score.entity);
  json["value"] = score.value;
  json["threshold"] = score.threshold;
  json["anomalous"] = score.anomalous;
  json["inconclusive"] = score.inconclusive;
  if (!score.reason.empty()) json["reason"] = score.reason;
  if (score.needed > 0) json["learning"] = {{"samples", score.learned}, {"needed", score.needed}};
  json["evidence"] = evidence_list(score.evidence);
  return json;
}

Json class_json(const FaultClasses& classes) {
  Json json;
  const bool told = classes.abstained == Abstention::kNone;
  json["service"] = told ? Json(classes.most.service) : Json();
  json["fault"] = told ? Json(classes.most.fault) : Json();
  json["probability"] = told ? Json(classes.most.probability) : Json();
  if (!told)
    json["abstained"] = {{"reason", abstention_name(classes.abstained)}, {"explanation", classes.reason}};
  json["algorithm"] = classes.algorithm;
  json["model"] = classes.model;
  json["trained"] = time_text(classes.trained_ms);
  json["probabilities"] = Json::array();
  for (const ClassProbability& one : classes.probabilities) {
    json["probabilities"].push_back({{"namespace", one.name_space},
                                     {"service", one.service},
                                     {"fault", one.fault},
                                     {"probability", one.probability}});
  }
  return json;
}

Json service_json(const ServiceSummary& service) {
  Json json;
  json["namespace"] = service.name_space;
  json["service"] = service.service;
  json["containers"] = Json::array();
  for (const Entity& entity : service.containers) {
    Json one;
    one["pod"] = entity.pod;
    one["container"] = entity.container;
    json["containers"].push_back(one);
  }
  return json;
}

}  // namespace

std::string diagnosis_json(const DiagnosisView& view) {
  const Report& report = *view.report;
  Json json;
  json["time"] = time_text(report.time_ms);
  json["time_ms"] = report.time_ms;
  json["age_seconds"] = view.age_seconds;
  json["window"] = {{"from", time_text(report.time_ms - report.window_ms)},
                    {"to", time_text(report.time_ms)},
                    {"step_ms", report.step_ms}};
  if (view.service) {
    json.update(service_json(*view.service));
  } else {
    json["services"] = Json::array();
    for (const ServiceSummary& service : report.services) json["services"].push_back(service_json(service));
  }
  json["verdict"] = view.verdict;
  json["inconclusive"] = view.verdict == "inconclusive" || view.verdict == "learning";
  json["summary"] = view.summary;
  json["findings"] = Json::array();
  for (const Finding* finding : view.findings) json["findings"].push_back(finding_json(*finding));
  json["elsewhere"] = Json::array();
  for (const Finding* finding : view.elsewhere) {
    Json one;
    add_entity(one, finding->entity);
    one["fault"] = finding->fault;
    one["explanation"] = finding->explanation;
    json["elsewhere"].push_back(one);
  }
  json["fleet"] = {{"shifted", report.fleet.shifted},
                   {"load_ratio", report.fleet.load_ratio},
                   {"services", report.fleet.services},
                   {"explanation", report.fleet.explanation}};
  if (report.classes) json["class"] = class_json(*report.classes);
  json["scores"] = Json::array();
  for (const Score* score : view.scores) json["scores"].push_back(score_json(*score));
  json["missing"] = report.missing;
  return dump(json);
}

std::string error_json(const std::string& message) {
  Json json;
  json["error"] = message;
  return dump(json);
}

}  // namespace sonde::analyzer
