#include <fmt/format.h>

#include <cmath>

#include "analyzer/http_api/chart.h"
#include "analyzer/http_api/diagnosis_view.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kStyle =
    "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}.verdict{padding:.8em 1em;border-left:.4em solid "
    "#888;"
    "background:#f4f4f4}.culprit{border-color:#c00}.inconclusive,.learning,.load_shift{border-color:#c80}"
    ".normal{border-color:#080}table{border-collapse:collapse}td,th{padding:.25em .8em;text-align:left;"
    "border-bottom:1px solid #ddd}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "code{font-size:.85em;overflow-wrap:anywhere}figure{display:inline-block;margin:0 1em 1em 0}"
    "figcaption{font-size:.85em}svg{background:#fafafa}.line{fill:none;stroke:#06c;stroke-width:1.5}"
    ".expected{stroke:#888;stroke-dasharray:4 3}svg text{font-size:10px;fill:#555}";

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{1}</style></head>\n"
      "<body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      html_escape(title), kStyle, body);
}

std::string number(double value) {
  return std::isnan(value) ? "–" : fmt::format("{:.4g}", value);
}

std::string name_of(const Entity& entity) {
  const std::string& most = !entity.container.empty() ? entity.container
                            : !entity.pod.empty()     ? entity.pod
                                                      : entity.service;
  return html_escape(entity.name_space.empty() ? most : entity.name_space + "/" + most);
}

std::string figure(const Evidence& evidence) {
  return fmt::format(
      "<figure>{}<figcaption>{}: {} {} now, {} expected ({} to "
      "{})<br><code>{}</code></figcaption></figure>\n",
      evidence_chart(evidence), html_escape(evidence.quantity), number(evidence.value),
      html_escape(evidence.unit), number(evidence.expected), time_text(evidence.start_ms),
      time_text(evidence.end_ms), html_escape(evidence.series));
}

std::string finding_section(const Finding& finding) {
  std::string html =
      fmt::format("<h2>{}: {}</h2>\n<p>{}</p>\n<p>since {}, confidence {:.2f}</p>\n", name_of(finding.entity),
                  html_escape(finding.fault), html_escape(finding.explanation), time_text(finding.since_ms),
                  finding.confidence);
  for (const Evidence& evidence : finding.evidence) html += figure(evidence);
  if (!finding.replicas.empty()) html += "<p>The same of the other replicas:</p>\n";
  for (const Evidence& evidence : finding.replicas) html += figure(evidence);
  return html;
}

std::string score_table(const std::vector<const Score*>& scores) {
  if (scores.empty()) return "";
  std::string html =
      "<h2>Scores</h2>\n<table><tr><th>detector</th><th>of</th><th>score</th><th>threshold</th>"
      "<th></th><th>strongest</th></tr>\n";
  for (const Score* score : scores) {
    const char* word = score->anomalous ? "anomalous" : score->inconclusive ? "inconclusive" : "";
    const std::string strongest =
        score->evidence.empty()
            ? html_escape(score->reason)
            : fmt::format("{} {} {}, expected {}", html_escape(score->evidence.front().quantity),
                          number(score->evidence.front().value), html_escape(score->evidence.front().unit),
                          number(score->evidence.front().expected));
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
        html_escape(score->detector), name_of(score->entity), number(score->value), number(score->threshold),
        word, strongest);
  }
  return html + "</table>\n";
}

std::string service_list(const Report& report) {
  std::string html = "<h2>Services</h2>\n<ul>\n";
  for (const ServiceSummary& service : report.services) {
    html += fmt::format("<li>{} {} ({} containers)</li>\n", html_escape(service.name_space),
                        html_escape(service.service), service.containers.size());
  }
  return html + "</ul>\n";
}

}  // namespace

std::string diagnosis_page(const DiagnosisView& view) {
  const Report& report = *view.report;
  std::string body = fmt::format(
      "<p class=\"verdict {}\"><strong>{}</strong>: {}</p>\n<p>Data up to {}, {:.1f} s old; window from "
      "{}.</p>\n",
      view.verdict, view.verdict, html_escape(view.summary), time_text(report.time_ms), view.age_seconds,
      time_text(report.time_ms - report.window_ms));
  if (!report.fleet.explanation.empty()) body += "<p>" + html_escape(report.fleet.explanation) + "</p>\n";
  for (const Finding* finding : view.findings) body += finding_section(*finding);
  if (!view.elsewhere.empty()) {
    body += "<h2>Elsewhere</h2>\n<ul>\n";
    for (const Finding* finding : view.elsewhere) {
      body += fmt::format("<li>{}: {}</li>\n", name_of(finding->entity), html_escape(finding->explanation));
    }
    body += "</ul>\n";
  }
  body += score_table(view.scores);
  if (!view.service) body += service_list(report);
  if (!report.missing.empty()) {
    body += "<h2>Missing</h2>\n<ul>\n";
    for (const std::string& missing : report.missing) {
      body += "<li><code>" + html_escape(missing) + "</code></li>\n";
    }
    body += "</ul>\n";
  }
  const std::string title =
      view.service ? "Diagnosis of " + view.service->name_space + "/" + view.service->service : "Diagnosis";
  return page(title, body);
}

std::string error_page(const std::string& message) {
  return page("No diagnosis", "<p class=\"verdict inconclusive\">" + html_escape(message) + "</p>\n");
}

}  // namespace sonde::analyzer
