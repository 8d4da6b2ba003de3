#include "analyzer/http_api/diagnosis_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sonde::analyzer {
namespace {

/// As many as fit into an error that people read.
constexpr size_t kListed = 50;

std::string qualified(const ServiceSummary& service) {
  return service.name_space.empty() ? service.service : service.name_space + "/" + service.service;
}

std::string listed(const std::vector<ServiceSummary>& services) {
  std::vector<std::string> names;
  for (const ServiceSummary& service : services) {
    if (names.size() == kListed) break;
    names.push_back(qualified(service));
  }
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (services.size() > kListed) text += fmt::format(" and {} more", services.size() - kListed);
  return text.empty() ? "none" : text;
}

Result<ServiceSummary> find_service(const Report& report, const DiagnoseRequest& request) {
  std::vector<ServiceSummary> found;
  for (const ServiceSummary& service : report.services) {
    if (service.service != *request.service) continue;
    if (request.name_space && service.name_space != *request.name_space) continue;
    found.push_back(service);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("service={}{}: not known at that time; known services: {}", *request.service,
                            request.name_space ? " in namespace=" + *request.name_space : "",
                            listed(report.services)));
  }
  return fail(ErrorCode::kInvalid,
              fmt::format("service={}: in several namespaces; add namespace= for one of {}", *request.service,
                          listed(found)));
}

bool about(const Entity& entity, const ServiceSummary& service) {
  return entity.name_space == service.name_space && entity.service == service.service;
}

void set_verdict(DiagnosisView& view) {
  const FleetState& fleet = view.report->fleet;
  const auto scored = [](const Score* score) { return score->detector == "zscore"; };
  const auto learning = [&](const Score* score) { return scored(score) && score->inconclusive; };
  const std::string whom = view.service ? qualified(*view.service) : "the services";
  if (!view.findings.empty() && !view.findings.front()->inconclusive) {
    view.verdict = "culprit";
    view.summary = view.findings.front()->explanation;
  } else if (!view.findings.empty()) {
    view.verdict = "inconclusive";
    view.summary = view.findings.front()->explanation;
  } else if (fleet.shifted) {
    view.verdict = "load_shift";
    view.summary = fleet.explanation + "; no container is named";
  } else if (std::ranges::any_of(view.scores, scored) &&
             std::ranges::all_of(view.scores, [&](const Score* s) { return !scored(s) || learning(s); })) {
    view.verdict = "learning";
    view.summary = "too little history to judge " + whom;
  } else {
    view.verdict = "normal";
    view.summary = "no container of " + whom + " stands out";
  }
  if (view.findings.empty() && !view.elsewhere.empty()) {
    view.summary += "; elsewhere: " + view.elsewhere.front()->explanation;
  }
}

}  // namespace

Result<DiagnosisView> view_of(const ReportPointer& report, const DiagnoseRequest& request, int64_t now_ms) {
  DiagnosisView view;
  view.report = report;
  view.age_seconds = static_cast<double>(now_ms - report->time_ms) / 1000.0;
  if (request.service) {
    Result<ServiceSummary> service = find_service(*report, request);
    if (!service) return tl::unexpected(service.error());
    view.service = std::move(*service);
  }
  const auto wanted = [&](const Entity& entity) {
    if (view.service) return about(entity, *view.service);
    return !request.name_space || entity.name_space == *request.name_space;
  };
  for (const Finding& finding : report->findings) {
    (wanted(finding.entity) ? view.findings : view.elsewhere).push_back(&finding);
  }
  for (const Score& score : report->scores) {
    if (!wanted(score.entity)) continue;
    if (view.service || score.anomalous || (score.inconclusive && score.detector == "zscore")) {
      view.scores.push_back(&score);
    }
  }
  set_verdict(view);
  return view;
}

}  // namespace sonde::analyzer
