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

/// How far the slowest of those that learn has come; needed is 0 where none does.
struct Learning {
  size_t learned = 0;
  size_t needed = 0;
  size_t containers = 0;
};

Learning learning_of(const std::vector<const Score*>& scores) {
  Learning slowest;
  for (const Score* score : scores) {
    if (score->needed == 0) continue;
    ++slowest.containers;
    if (slowest.needed != 0 && score->learned >= slowest.learned) continue;
    slowest.learned = score->learned;
    slowest.needed = score->needed;
  }
  return slowest;
}

/// `scores`: all of those that the request is about.
void set_verdict(DiagnosisView& view, const std::vector<const Score*>& scores) {
  const FleetState& fleet = view.report->fleet;
  const auto scored = [](const Score* score) { return score->detector == "zscore"; };
  const auto undecided = [&](const Score* score) { return scored(score) && score->inconclusive; };
  const std::string whom = view.service ? qualified(*view.service) : "the services";
  const Learning learning = learning_of(scores);
  const std::string progress = fmt::format("{} of {} samples", learning.learned, learning.needed);
  if (!view.findings.empty() && !view.findings.front()->inconclusive) {
    view.verdict = "culprit";
    view.summary = view.findings.front()->explanation;
  } else if (!view.findings.empty()) {
    view.verdict = "inconclusive";
    view.summary = view.findings.front()->explanation;
  } else if (fleet.shifted) {
    view.verdict = "load_shift";
    view.summary = fleet.explanation + "; no container is named";
  } else if (std::ranges::any_of(scores, scored) &&
             std::ranges::all_of(scores, [&](const Score* s) { return !scored(s) || undecided(s); })) {
    view.verdict = "learning";
    view.summary = learning.needed == 0 ? "no container of " + whom + " can be judged now"
                                        : fmt::format("{} seen of what is usual for {}", progress, whom);
    if (view.request.window_ms != 0)
      view.summary += "; ask for a longer window=";  // of the past no more will come
  } else {
    view.verdict = "normal";
    view.summary = "no container of " + whom + " stands out";
    if (learning.containers > 0) {
      view.summary += fmt::format("; {} of them not judged yet, {} seen", learning.containers, progress);
    }
  }
  if (view.findings.empty() && !view.elsewhere.empty()) {
    view.summary += "; elsewhere: " + view.elsewhere.front()->explanation;
  }
}

}  // namespace

Result<DiagnosisView> view_of(const ReportPointer& report, const DiagnoseRequest& request, int64_t now_ms) {
  DiagnosisView view;
  view.report = report;
  view.request = request;
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
  std::vector<const Score*> scores;
  for (const Score& score : report->scores) {
    if (wanted(score.entity)) scores.push_back(&score);
  }
  set_verdict(view, scores);
  for (const Score* score : scores) {
    if (view.service || score->anomalous || (score->inconclusive && score->detector == "zscore")) {
      view.scores.push_back(score);
    }
  }
  return view;
}

}  // namespace sonde::analyzer
