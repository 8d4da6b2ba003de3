#include "exporter/trace_flags.h"

#include <string>
#include <vector>

#include "common/duration.h"
#include "exporter/flows/tracing/trace_request.h"

namespace sonde::exporter {
namespace {

constexpr std::chrono::milliseconds kShortestTriggerInterval{1000};
constexpr std::chrono::milliseconds kLongestTriggerInterval{86'400'000};

void add_duration(CLI::App& app, const std::string& flag, std::chrono::milliseconds& value,
                  std::chrono::milliseconds least, std::chrono::milliseconds most, const std::string& help) {
  app.add_option_function<std::string>(
         flag, [&value](const std::string& text) { value = *parse_duration(text); }, help)
      ->type_name("DURATION")
      ->check([least, most](const std::string& text) {
        const auto duration = parse_duration(text);
        const bool good = duration && *duration >= least && *duration <= most;
        return good ? std::string()
                    : "give a duration from " + duration_text(least) + " to " + duration_text(most);
      })
      ->default_str(duration_text(value));
}

/// A flag that may be repeated, each a rule.
void add_rules(CLI::App& app, const std::string& flag, TriggerRules& rules,
               Result<void> (*add)(std::string_view, TriggerRules&), const std::string& value,
               const std::string& help) {
  app.add_option_function<std::vector<std::string>>(
         flag,
         [&rules, add](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) (void)add(text, rules);  // the check below took it
         },
         help)
      ->type_name(value)
      ->allow_extra_args(false)
      ->check([add](const std::string& text) {
        TriggerRules unused;
        const auto added = add(text, unused);
        return added ? std::string() : added.error().message;
      });
}

}  // namespace

void add_trace_flags(CLI::App& app, TraceOptions& options) {
  app.add_flag_function(
      "--no-flows.trace", [&options](int64_t) { options.on = false; },
      "Trace nothing: no POST /trace, no /traces");
  app.add_option(
         "--flows.trace.max-events-per-second", options.limits.events_per_second,
         "Events that a trace may cost the node in a second, enforced in the kernel; further ones are "
         "left out and counted. A packet of a traced connection has about a dozen")
      ->type_name("COUNT")
      ->check(CLI::Range(100U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--flows.trace.max-events", options.limits.events,
                 "Events of one trace, 48 bytes each; it ends early with them. The latest 8 traces are kept")
      ->type_name("COUNT")
      ->check(CLI::Range(size_t{1000}, size_t{2'000'000}))
      ->capture_default_str();
  add_rules(
      app, "--flows.trigger.absolute", options.triggers, add_absolute_rule, "SERVICE=DURATION",
      "Trace a connection of this service's containers when its smoothed RTT is longer than this, such as "
      "api=60ms; * is every service without a rule of its own. Repeat it for "
      "several");
  add_rules(
      app, "--flows.trigger.relative", options.triggers, add_relative_rule, "SERVICE=FACTOR",
      "The same when it is this many times the connection's own usual RTT, and above 1ms, such as api=3. "
      "Repeat it for several");
  add_duration(app, "--flows.trigger.duration", options.trigger_duration, kShortestTrace, kLongestTrace,
               "How long such a trace lasts");
  add_duration(app, "--flows.trigger.interval", options.trigger_interval, kShortestTriggerInterval,
               kLongestTriggerInterval,
               "At least this long from the beginning of one such trace to that of the next");
}

}  // namespace sonde::exporter
