#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzer/http_api/diagnose_request.h"
#include "analyzer/report/report.h"
#include "common/result.h"

namespace sonde::analyzer {

/// The part of a report that a request is about, still without a format.
struct DiagnosisView {
  ReportPointer report;
  DiagnoseRequest request;  ///< what was asked for
  double age_seconds = 0;
  std::optional<ServiceSummary> service;  ///< nothing: all services are asked for
  /// "culprit", "inconclusive", "load_shift", "learning" or "normal".
  std::string verdict;
  std::string summary;                    ///< one sentence for people
  std::vector<const Finding*> findings;   ///< of the service, or all; they point into the report
  std::vector<const Finding*> elsewhere;  ///< findings about other services
  std::vector<const Score*> scores;       ///< of the service; for all services only the anomalous ones
};

/// Selects. Errors: kNotFound for a service that the report does not know, listing those it does;
/// kInvalid for one that several namespaces have, listing them.
Result<DiagnosisView> view_of(const ReportPointer& report, const DiagnoseRequest& request, int64_t now_ms);

/// As JSON, with the evidence.
std::string diagnosis_json(const DiagnosisView& view);
/// An error as JSON: {"error": …}.
std::string error_json(const std::string& message);
/// As a page for people, with charts of the evidence.
std::string diagnosis_page(const DiagnosisView& view);
/// An error as a page.
std::string error_page(const std::string& message);

}  // namespace sonde::analyzer
