#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "analyzer/http_api/chart.h"
#include "analyzer/http_api/diagnosis_view.h"
#include "analyzer/http_api/html.h"
#include "common/markup.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kStyle =
    "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}.verdict{padding:.8em 1em;border-left:.4em solid "
    "#888;background:#f4f4f4}.culprit{border-color:#c00}.inconclusive,.learning,.load_shift{"
    "border-color:#c80}"
    ".normal{border-color:#080}table{border-collapse:collapse}td,th{padding:.25em .8em;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #ddd}td a,td:nth-child(2){"
    "white-space:nowrap}.n{text-align:right;font-variant-numeric:tabular-nums}"
    "code{font-size:.85em;overflow-wrap:anywhere}figure{display:inline-block;vertical-align:top;width:22em;"
    "margin:0 1em 1em 0}figcaption{font-size:.85em}svg{background:#fafafa;max-width:100%}.line{fill:none;"
    "stroke:#06c;stroke-width:1.5}.expected{stroke:#888;stroke-dasharray:4 3}svg "
    "text{font-size:10px;fill:#555}"
    "summary{cursor:pointer}details ul{margin:.3em 0}a{color:#06c}";

/// Of a list, so many are shown; the rest is folded.
constexpr size_t kShownFigures = 3;
constexpr size_t kShownRows = 12;

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{1}</style></head>\n"
      "<body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      escape_markup(title), kStyle, body);
}

std::string number(double value) {
  return std::isnan(value) ? "–" : fmt::format("{:.4g}", value);
}

std::string folded(const std::string& summary, const std::string& content) {
  return "<details><summary>" + summary + "</summary>\n" + content + "</details>\n";
}

std::string path_text(const std::string& name_space, const std::string& name) {
  return escape_markup(name_space.empty() ? name : name_space + "/" + name);
}

/// Of the smallest thing that the entity names, without its namespace.
const std::string& bare_name(const Entity& entity) {
  if (!entity.container.empty()) return entity.container;
  return entity.pod.empty() ? entity.service : entity.pod;
}

std::string short_name(const Entity& entity) {
  return escape_markup(bare_name(entity));
}

std::string name_of(const Entity& entity) {
  return path_text(entity.name_space, bare_name(entity));
}

/// "cart: cpu", or the state of all services: "normal".
std::string class_name(const ClassProbability& one) {
  const std::string fault = escape_markup(one.fault);
  return one.service.empty() ? fault : path_text(one.name_space, one.service) + ": " + fault;
}

/// Links to other diagnoses of the same time and window.
class Links {
 public:
  explicit Links(const DiagnoseRequest& request) {
    // Relative, so that they work behind a proxy's path too.
    if (request.time_ms) common_ += "&time=" + url_escape(time_text(*request.time_ms));
    if (request.window_ms != 0)
      common_ += fmt::format("&window={}", static_cast<double>(request.window_ms) / 1000);
  }

  /// `text`: HTML.
  [[nodiscard]] std::string service(const std::string& name_space, const std::string& service,
                                    const std::string& text) const {
    return link("namespace=" + url_escape(name_space) + "&service=" + url_escape(service), text);
  }
  [[nodiscard]] std::string service_of(const Entity& entity) const {
    return service(entity.name_space, entity.service, name_of(entity));
  }
  [[nodiscard]] std::string all(const std::string& text) const { return link("", text); }

 private:
  [[nodiscard]] std::string link(const std::string& query, const std::string& text) const {
    return "<a href=\"?" + escape_markup(query + common_) + "\">" + text + "</a>";
  }

  std::string common_;
};

std::string figure(const Evidence& evidence) {
  return fmt::format(
      "<figure>{}<figcaption>{}: {} {} now, {} expected ({} to "
      "{})<br><code>{}</code></figcaption></figure>\n",
      evidence_chart(evidence), escape_markup(evidence.quantity), number(evidence.value),
      escape_markup(evidence.unit), number(evidence.expected), time_text(evidence.start_ms),
      time_text(evidence.end_ms), escape_markup(evidence.series));
}

/// The first figures, and the rest folded.
std::string figures(std::span<const Evidence> list, const char* rest_are) {
  std::string shown;
  std::string rest;
  for (size_t i = 0; i < list.size(); ++i) (i < kShownFigures ? shown : rest) += figure(list[i]);
  return rest.empty()
             ? shown
             : shown + folded(fmt::format("{} more {}", list.size() - kShownFigures, rest_are), rest);
}

/// `name`: HTML.
std::string finding_section(const Finding& finding, const std::string& name) {
  std::string html = fmt::format("<h2>{}: {}</h2>\n<p>{}</p>\n<p>since {}, confidence {:.2f}</p>\n", name,
                                 escape_markup(finding.fault), escape_markup(finding.explanation),
                                 time_text(finding.since_ms), finding.confidence);
  html += figures(finding.evidence, "quantities");
  if (!finding.replicas.empty()) html += "<p>The same of the other replicas:</p>\n";
  return html + figures(finding.replicas, "replicas");
}

std::string contribution(const Evidence& evidence) {
  const std::string share =
      evidence.contribution > 0 ? fmt::format(", {:.0f} % of the score", 100 * evidence.contribution) : "";
  return fmt::format("{} {} {}, expected {}{}", escape_markup(evidence.quantity), number(evidence.value),
                     escape_markup(evidence.unit), number(evidence.expected), share);
}

/// The strongest contribution; what more there is folded behind it.
std::string contributions(const std::vector<Evidence>& evidence) {
  if (evidence.empty()) return "";
  std::string strongest = contribution(evidence.front());
  if (evidence.size() == 1) return strongest;
  std::string list = "<ul>\n";
  for (const Evidence& one : std::span(evidence).subspan(1)) list += "<li>" + contribution(one) + "</li>\n";
  return folded(strongest, list + "</ul>\n");
}

std::string verdict_of(const Score& score) {
  if (score.anomalous) return "<strong>anomalous</strong>";
  if (!score.inconclusive) return "usual";
  if (score.needed > 0) return escape_markup(score.reason);  // "learning: 3 of 20 samples"
  return "inconclusive: " + escape_markup(score.reason);
}

/// The names are links but on a service's own page.
std::string score_table(const DiagnosisView& view, const Links& links) {
  const std::vector<const Score*>& scores = view.scores;
  if (scores.empty()) return "";
  std::string html =
      "<table><tr><th>detector</th><th>of</th><th class=\"n\">score</th><th class=\"n\">threshold</th>"
      "<th>verdict</th><th>strongest contribution</th></tr>\n";
  for (const Score* score : scores) {
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
        escape_markup(score->detector),
        view.service ? short_name(score->entity) : links.service_of(score->entity), number(score->value),
        number(score->threshold), verdict_of(*score), contributions(score->evidence));
  }
  html += "</table>\n";
  if (scores.size() > kShownRows) html = folded(fmt::format("{} scores", scores.size()), html);
  return "<h2>Scores</h2>\n" + html;
}

using ServiceKey = std::pair<std::string, std::string>;

/// What is to be said of each service in a word; of most there is nothing.
std::map<ServiceKey, std::string> service_states(const Report& report) {
  std::map<ServiceKey, const Score*> slowest;
  for (const Score& score : report.scores) {
    if (score.needed == 0) continue;
    const Score*& known = slowest[{score.entity.name_space, score.entity.service}];
    if (known == nullptr || score.learned < known->learned) known = &score;
  }
  std::map<ServiceKey, std::string> states;
  for (const auto& [service, score] : slowest) states[service] = escape_markup(score->reason);
  for (const Finding& finding : report.findings) {
    states[{finding.entity.name_space, finding.entity.service}] =
        "<strong>" + escape_markup(finding.explanation) + "</strong>";
  }
  return states;
}

std::string service_list(const DiagnosisView& view, const Links& links) {
  const std::map<ServiceKey, std::string> states = service_states(*view.report);
  std::string html = "<h2>Services</h2>\n<table><tr><th>service</th><th>containers</th><th>state</th></tr>\n";
  for (const ServiceSummary& service : view.report->services) {
    if (view.request.name_space && service.name_space != *view.request.name_space) continue;
    const auto state = states.find({service.name_space, service.service});
    html += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
        links.service(service.name_space, service.service, path_text(service.name_space, service.service)),
        service.containers.size(), state == states.end() ? "" : state->second);
  }
  return html + "</table>\n";
}

/// What the trained classifier says of all services.
std::string class_section(const FaultClasses& classes) {
  std::string html = "<h2>Class</h2>\n";
  if (classes.abstained != Abstention::kNone) {
    html += "<p>not told: " + escape_markup(classes.reason) + "</p>\n";
  } else {
    html += fmt::format("<p><strong>{}</strong> with probability {:.2f}</p>\n", class_name(classes.most),
                        classes.most.probability);
  }
  if (classes.model.empty()) return html;
  html += fmt::format("<p>by {}, trained {}, <code>{}</code></p>\n", escape_markup(classes.algorithm),
                      time_text(classes.trained_ms), escape_markup(classes.model));
  std::vector<ClassProbability> sorted = classes.probabilities;
  std::ranges::stable_sort(sorted, std::greater<>(), &ClassProbability::probability);
  std::string list = "<table><tr><th>class</th><th class=\"n\">probability</th></tr>\n";
  for (const ClassProbability& one : sorted) {
    list +=
        fmt::format("<tr><td>{}</td><td class=\"n\">{:.3f}</td></tr>\n", class_name(one), one.probability);
  }
  return sorted.empty() ? html : html + folded("All classes", list + "</table>\n");
}

std::string missing_list(const std::vector<std::string>& missing) {
  if (missing.empty()) return "";
  std::string html = "<ul>\n";
  for (const std::string& one : missing) html += "<li><code>" + escape_markup(one) + "</code></li>\n";
  html += "</ul>\n";
  if (missing.size() > kShownRows) html = folded(fmt::format("{} series", missing.size()), html);
  return "<h2>Missing</h2>\n" + html;
}

}  // namespace

std::string diagnosis_page(const DiagnosisView& view) {
  const Report& report = *view.report;
  const Links links(view.request);
  std::string verdict = view.verdict;
  std::ranges::replace(verdict, '_', ' ');
  std::string body = fmt::format(
      "<p class=\"verdict {}\"><strong>{}</strong>: {}</p>\n<p>Data up to {}, {:.1f} s old; window from "
      "{}.</p>\n",
      view.verdict, verdict, escape_markup(view.summary), time_text(report.time_ms), view.age_seconds,
      time_text(report.time_ms - report.window_ms));
  if (!report.fleet.explanation.empty()) body += "<p>" + escape_markup(report.fleet.explanation) + "</p>\n";
  for (const Finding* finding : view.findings) {
    body += finding_section(*finding,
                            view.service ? name_of(finding->entity) : links.service_of(finding->entity));
  }
  if (!view.elsewhere.empty()) {
    body += "<h2>Elsewhere</h2>\n<ul>\n";
    for (const Finding* finding : view.elsewhere) {
      body += fmt::format("<li>{}: {}</li>\n", links.service_of(finding->entity),
                          escape_markup(finding->explanation));
    }
    body += "</ul>\n";
  }
  if (!view.service) body += service_list(view, links);
  if (report.classes) body += class_section(*report.classes);
  body += score_table(view, links) + missing_list(report.missing);
  if (view.service) body += "<p>" + links.all("All services") + "</p>\n";
  const std::string title =
      view.service ? "Diagnosis of " + view.service->name_space + "/" + view.service->service : "Diagnosis";
  return page(title, body);
}

std::string error_page(const std::string& message) {
  return page("No diagnosis", "<p class=\"verdict inconclusive\">" + escape_markup(message) + "</p>\n<p>" +
                                  Links(DiagnoseRequest()).all("All services") + "</p>\n");
}

}  // namespace sonde::analyzer
