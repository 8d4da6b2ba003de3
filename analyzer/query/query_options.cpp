#include "analyzer/query/query_options.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/query/time_argument.h"
#include "common/clock.h"
#include "common/help_text.h"

namespace sonde::analyzer {
namespace {

constexpr int64_t kMostColumns = 100'000;

/// Flags as they were written, before they mean anything.
struct Words {
  std::string url = "http://127.0.0.1:9090";
  std::vector<std::string> match;
  std::string from = "-1h";
  std::string to = "now";
  std::string mode = "auto";
  std::string step;
  std::string lookback = "5m";
  std::string timeout = "30s";
  std::string memory_mb = "56";
  bool rate = false;
  SourceAuth auth;
  SourceTls tls;
};

constexpr const char* kFooter =
    "Examples:\n"
    "  sonde-analyzer query --match=sonde_anomaly_score --from=-1m\n"
    "  sonde-analyzer query --match='node_cpu_seconds_total{mode!=\"idle\"}' --step=15s --rate\n"
    "  sonde-analyzer query --url=https://mimir.my.org/prometheus --tenant=shop --match=up\n"
    "\n"
    "Durations are written 500ms, 15s, 5m, 1h.\n"
    "Exit codes: 0 printed, 1 the read failed, 2 a wrong flag.";

void add_read_flags(CLI::App& app, Words& words) {
  app.add_option("--match", words.match,
                 "Which series: a selector as in PromQL, such as 'up{job=\"node\"}'; repeat it for several")
      ->type_name("SELECTOR")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--from", words.from,
                 "First time: Unix seconds, RFC 3339, now, or a distance to now such as -1h")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--to", words.to, "Last time, likewise")->type_name("TIME")->capture_default_str();
  app.add_option(
         "--step", words.step,
         "Print values aligned to a grid of this step, such as 15s, instead of the samples as they are")
      ->type_name("DURATION");
  app.add_option("--lookback", words.lookback, "With --step: how long a sample stands for the times after it")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_flag("--rate", words.rate, "With --step: the series are counters, print their rates per second");
}

void add_server_flags(CLI::App& app, Words& words) {
  app.add_option("--url", words.url, "The Prometheus, http:// or https://, with a path prefix if it has one")
      ->type_name("URL")
      ->capture_default_str();
  app.add_option("--mode", words.mode,
                 "How to read: samples or chunks by remote-read, query_range without it; auto picks")
      ->type_name("auto|samples|chunks|query_range")
      ->capture_default_str();
  app.add_option("--timeout", words.timeout, "Of the whole read")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--memory", words.memory_mb, "Megabytes that the reply may need; more is an error")
      ->type_name("MEGABYTES")
      ->capture_default_str();
  app.add_option("--tenant", words.auth.tenant, "Sent as X-Scope-OrgID, for Mimir and Cortex")
      ->type_name("NAME");
  app.add_option("--username", words.auth.username, "Of basic authentication, with --password-file")
      ->type_name("NAME");
  app.add_option("--password-file", words.auth.password_file, "File that holds the password")
      ->type_name("FILE");
  app.add_option("--bearer-token-file", words.auth.bearer_token_file, "File that holds a bearer token")
      ->type_name("FILE");
  app.add_option("--tls.ca-file", words.tls.ca_file,
                 "Authorities that may have signed the server's certificate (PEM); without it, the system's")
      ->type_name("FILE");
  app.add_option("--tls.cert-file", words.tls.cert_file, "Client certificate (PEM)")->type_name("FILE");
  app.add_option("--tls.key-file", words.tls.key_file, "Its key (PEM)")->type_name("FILE");
  app.add_flag("--tls.insecure-skip-verify", words.tls.insecure_skip_verify, "Trust any certificate");
}

tl::unexpected<Error> wrong(const std::string& flag, const std::string& why) {
  return fail(ErrorCode::kInvalid, "--" + flag + ": " + why);
}

Result<void> read_times(const Words& words, QueryOptions& options) {
  const int64_t now_ms = unix_milliseconds_now();
  for (const auto& [flag, word, target] :
       {std::tuple{"from", &words.from, &options.query.start_ms}, {"to", &words.to, &options.query.end_ms}}) {
    const Result<int64_t> time = parse_time_ms(*word, now_ms);
    if (!time) return wrong(flag, time.error().message);
    *target = *time;
  }
  if (options.query.end_ms < options.query.start_ms) {
    return wrong("to", "'" + words.to + "' lies before --from '" + words.from + "'");
  }
  return {};
}

Result<void> read_grid(const Words& words, QueryOptions& options) {
  if (words.step.empty()) {
    return words.rate ? Result<void>(wrong("rate", "needs --step, the grid that the rates are laid on"))
                      : Result<void>();
  }
  const Result<int64_t> step = parse_duration_ms(words.step);
  if (!step) return wrong("step", step.error().message);
  if (*step == 0) return wrong("step", "must be above 0");
  const Result<int64_t> lookback = parse_duration_ms(words.lookback);
  if (!lookback) return wrong("lookback", lookback.error().message);
  const int64_t columns = (options.query.end_ms - options.query.start_ms) / *step + 1;
  if (columns > kMostColumns) {
    return wrong("step", "'" + words.step + "' makes " + std::to_string(columns) +
                             " columns between --from and --to, at most " + std::to_string(kMostColumns) +
                             " are printed; take a larger step or a shorter time");
  }
  options.step_ms = options.query.step_ms = *step;
  options.lookback_ms = *lookback;
  options.rate = words.rate;
  return {};
}

Result<void> read_source(Words& words, SourceOptions& source) {
  source.url = words.url;
  source.auth = std::move(words.auth);
  source.tls = std::move(words.tls);
  const Result<ReadMode> mode = parse_read_mode(words.mode);
  if (!mode) return wrong("mode", mode.error().message);
  source.mode = *mode;
  const Result<int64_t> timeout = parse_duration_ms(words.timeout);
  if (!timeout) return wrong("timeout", timeout.error().message);
  if (*timeout == 0) return wrong("timeout", "must be above 0");
  source.budget.timeout = std::chrono::milliseconds(*timeout);
  const bool digits = std::ranges::all_of(words.memory_mb, [](char c) { return c >= '0' && c <= '9'; });
  const uint64_t megabytes =
      digits && !words.memory_mb.empty() && words.memory_mb.size() < 7 ? std::stoull(words.memory_mb) : 0;
  if (megabytes == 0)
    return wrong("memory", "'" + words.memory_mb + "' is not a number of megabytes from 1 to 999999");
  source.budget.memory_bytes = megabytes << 20;
  return {};
}

Result<QueryOptions> interpret(Words& words) {
  QueryOptions options;
  for (const std::string& text : words.match) {
    Result<Selector> selector = parse_selector(text);
    if (!selector) return wrong("match", selector.error().message);
    options.query.selectors.push_back(std::move(*selector));
  }
  if (Result<void> read = read_times(words, options); !read) return tl::unexpected(read.error());
  if (Result<void> read = read_grid(words, options); !read) return tl::unexpected(read.error());
  if (Result<void> read = read_source(words, options.source); !read) return tl::unexpected(read.error());
  return options;
}

}  // namespace

Result<QueryOptions> parse_query_options(int argc, char** argv) {
  CLI::App app("Prints series of a Prometheus as the analyzer sees them, as CSV.", "sonde-analyzer query");
  Words words;
  set_help(app, kFooter);
  in_group(app, "What to read", [&] { add_read_flags(app, words); });
  in_group(app, "From where", [&] { add_server_flags(app, words); });
  std::vector<std::string> arguments(argv + 1, argv + std::max(argc, 1));
  if (!arguments.empty() && arguments.front() == "query") arguments.erase(arguments.begin());
  const Result<void> parsed = parse_words(app, std::move(arguments));
  if (!parsed) return tl::unexpected(parsed.error());
  return interpret(words);
}

}  // namespace sonde::analyzer
