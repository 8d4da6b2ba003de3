#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "exporter/flows/tracing/trace_report.h"

namespace sonde::exporter {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNanosecond = 1e-9;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json name_json(const identity::ContainerName& name) {
  return {{"namespace", name.name_space},
          {"pod", name.pod},
          {"container", name.container},
          {"service", name.service}};
}

Json end_json(const TraceReport& report, const flow_address& address, uint32_t space) {
  Json json{{"address", trace_end_text(address)}, {"on_this_node", space != 0}};
  const auto found = report.spaces.find(space);
  json["workload"] = found == report.spaces.end() ? Json() : name_json(found->second);
  return json;
}

Json request_json(const TraceRequest& request) {
  Json json;
  if (request.flow) {
    json["flow"] = {{"local", trace_end_text(request.flow->source, request.flow->source_port)},
                    {"remote", trace_end_text(request.flow->destination, request.flow->destination_port)}};
  } else if (request.space) {
    json["network_namespace"] = *request.space;
  } else {
    json["container"] = {{"namespace", request.container.name_space},
                         {"pod", request.container.pod},
                         {"container", request.container.container},
                         {"service", request.container.service}};
  }
  if (request.remote) json["remote"] = trace_end_text(request.remote->address, request.remote->port);
  json["seconds"] = static_cast<double>(request.duration.count()) / 1000;
  return json;
}

Json counts_json(const TraceReport& report) {
  const auto& tallies = report.counts.tallies;
  return {{"kept", report.events.size()},
          {"over_budget", tallies[SONDE_TRACE_OVER_BUDGET]},
          {"ring_full", tallies[SONDE_TRACE_RING_FULL]},
          {"no_room", tallies[SONDE_TRACE_NO_ROOM]}};
}

Json direction_json(const DirectionDelay& delay) {
  Json stages = Json::object();
  for (size_t i = 0; i < kStageCount; ++i) {
    if (delay.stage_units[i] == 0) continue;
    stages[std::string(stage_word(static_cast<Stage>(i)))] = {{"mean_seconds", delay.stage_seconds[i]},
                                                              {"units", delay.stage_units[i]}};
  }
  return {{"units", delay.units}, {"complete", delay.complete},       {"open", delay.open},
          {"bytes", delay.bytes}, {"retransmits", delay.retransmits}, {"stages", std::move(stages)}};
}

Json pair_json(const TraceReport& report, const PairDelay& pair) {
  Json shares = Json::object();
  for (size_t i = 0; i < kPartCount; ++i)
    shares[std::string(part_word(static_cast<Part>(i)))] = pair.share[i];
  return {{"sender", end_json(report, pair.sender, pair.there.sender_space)},
          {"receiver", end_json(report, pair.receiver, pair.there.receiver_space)},
          {"flows", pair.flows},
          {"delay_seconds", pair.seconds},
          {"share", std::move(shares)},
          {"slowest", part_word(pair.slowest)},
          {"confidence", pair.confidence},
          {"there", direction_json(pair.there)},
          {"back", direction_json(pair.back)}};
}

/// Nearest-rank quantiles of what units spent in a stage, seconds.
Json quantiles_json(std::vector<int64_t>& times) {
  std::ranges::sort(times);
  const auto at = [&](double quantile) {
    const auto rank = static_cast<size_t>(std::lround(quantile * static_cast<double>(times.size() - 1)));
    return static_cast<double>(times[rank]) * kNanosecond;
  };
  return {{"units", times.size()},
          {"median_seconds", at(0.5)},
          {"p99_seconds", at(0.99)},
          {"max_seconds", at(1)}};
}

/// The addresses of a flow in that direction; an empty object where the flow is none of these.
Json ends_json(const std::map<uint32_t, trace_direction>& flows, uint32_t number) {
  const auto flow = flows.find(number & ~1U);
  if (flow == flows.end()) return Json::object();
  std::string from = trace_end_text(flow->second.source, flow->second.source_port);
  std::string to = trace_end_text(flow->second.destination, flow->second.destination_port);
  if ((number & 1U) != 0) std::swap(from, to);
  return {{"from", from}, {"to", to}};
}

Json flow_json(const TraceReport& report, const TracedDirection& direction) {
  Json json = ends_json(report.counts.flows, direction.flow);
  const Json translated = ends_json(report.counts.translated, direction.flow);
  if (!translated.empty()) json["translated"] = translated;
  json["retransmits"] = direction.retransmits;
  Json stages = Json::object();
  for (size_t i = 0; i < kStageCount; ++i) {
    std::vector<int64_t> times;
    for (const TracedUnit& unit : direction.units) {
      if (unit.times[i] != kNotSeen) times.push_back(unit.times[i]);
    }
    if (!times.empty()) stages[std::string(stage_word(static_cast<Stage>(i)))] = quantiles_json(times);
  }
  json["stages"] = std::move(stages);
  return json;
}

Json contention_json(const Contention& contention) {
  const char* const amount = contention.resource == "cpu" ? "cpu_seconds" : "bytes";
  Json culprits = Json::array();
  for (const Culprit& culprit : contention.culprits) {
    Json json{{"workload", culprit.name ? name_json(*culprit.name) : Json()}};
    if (!culprit.text.empty()) json["what"] = culprit.text;
    json["victim_itself"] = culprit.victim;
    json[amount] = culprit.amount;
    json["share"] = culprit.share;
    culprits.push_back(std::move(json));
  }
  Json json{{"resource", contention.resource}};
  if (!contention.where.empty()) json["where"] = contention.where;
  json["victim"] = contention.victim ? name_json(*contention.victim) : Json();
  json["culprits"] = std::move(culprits);
  return json;
}

Json threads_json(const TraceReport& report) {
  Json threads = Json::array();
  for (const auto& [number, thread] : report.counts.threads) {
    const std::string_view name(thread.name, strnlen(thread.name, sizeof thread.name));
    threads.push_back({{"thread", number}, {"process", thread.process}, {"name", name}});
  }
  return threads;
}

Json trace_summary(const TraceReport& report) {
  return {{"id", report.id},
          {"cause", trace_cause_word(report.cause)},
          {"request", request_json(report.request)},
          {"started_seconds", report.started_seconds},
          {"duration_seconds", static_cast<double>(report.end_ns - report.begin_ns) * kNanosecond},
          {"ended_by", trace_ending_word(report.ending)},
          {"events", counts_json(report)}};
}

/// Writes the entries of "traceEvents", one after the other into the text: there may be 100,000. Times in
/// microseconds since the trace began.
class ChromeEvents {
 public:
  explicit ChromeEvents(const TraceReport& report) : report_(report) {}

  std::string text() {
    name(kCpus, "CPUs");
    name(kThreads, "threads that wait for a CPU");
    for (const TracedDirection& direction : report_.directions) add_units(direction);
    for (const trace_event& event : report_.events) add_event(event);
    return std::move(text_) + "]}";
  }

 private:
  static constexpr uint32_t kCpus = 1;
  static constexpr uint32_t kThreads = 2;
  static constexpr uint32_t kFirstFlow = 10;

  [[nodiscard]] double microseconds(uint64_t time_ns) const {
    return (static_cast<double>(time_ns) - static_cast<double>(report_.begin_ns)) / 1000;
  }

  void write(const Json& event) {
    if (text_.back() != '[') text_ += ',';
    text_ += dump(event);
  }

  void name(uint32_t process, const std::string& text) {
    write({{"ph", "M"}, {"name", "process_name"}, {"pid", process}, {"args", {{"name", text}}}});
  }

  void add_units(const TracedDirection& direction) {
    const uint32_t process = kFirstFlow + direction.flow;
    const Json flow = ends_json(report_.counts.flows, direction.flow);
    name(process, flow.value("from", "?") + " to " + flow.value("to", "?"));
    for (const TracedUnit& unit : direction.units) {
      uint64_t at = unit.start_ns;
      const int64_t waited = unit.times[static_cast<size_t>(Stage::kSenderRunQueue)];
      if (waited > 0) at -= static_cast<uint64_t>(waited);
      ++last_unit_;
      for (size_t i = 0; i < kStageCount; ++i) {
        if (unit.times[i] <= 0) continue;
        add_stage(process, static_cast<Stage>(i), at, static_cast<uint64_t>(unit.times[i]), unit);
        at += static_cast<uint64_t>(unit.times[i]);
      }
    }
  }

  void add_stage(uint32_t process, Stage stage, uint64_t at, uint64_t length, const TracedUnit& unit) {
    Json begin{{"ph", "b"},
               {"cat", part_word(part_of(stage))},
               {"name", stage_word(stage)},
               {"id", last_unit_},
               {"pid", process},
               {"tid", process},
               {"ts", microseconds(at)}};
    Json end = begin;
    end["ph"] = "e";
    end["ts"] = microseconds(at + length);
    begin["args"] = {{"end_seq", unit.end_seq}, {"bytes", unit.bytes}, {"open", unit.open}};
    write(begin);
    write(end);
  }

  void add_event(const trace_event& event) {
    if (event.layer == SONDE_TRACE_RUN_QUEUE) {
      write({{"ph", "X"},
             {"name", "waits for CPU " + std::to_string(event.cpu)},
             {"pid", kThreads},
             {"tid", event.thread},
             {"ts", microseconds(event.value)},
             {"dur", static_cast<double>(event.time_ns - event.value) / 1000}});
      return;
    }
    write({{"ph", "i"},
           {"s", "t"},
           {"name", trace_layer_word(event.layer)},
           {"pid", kCpus},
           {"tid", event.cpu},
           {"ts", microseconds(event.time_ns)},
           {"args",
            {{"flow", event.flow},
             {"seq", event.seq},
             {"end_seq", event.end_seq},
             {"ack", event.ack},
             {"thread", event.thread},
             {"network_namespace", event.space},
             {"interface", event.interface}}}});
  }

  const TraceReport& report_;
  std::string text_ = R"({"displayTimeUnit":"ns","traceEvents":[)";
  uint64_t last_unit_ = 0;
};

}  // namespace

std::string_view trace_cause_word(TraceCause cause) {
  return cause == TraceCause::kRequest ? "request" : "trigger";
}

std::string_view trace_ending_word(TraceEnding ending) {
  switch (ending) {
    case TraceEnding::kTime:
      return "time";
    case TraceEnding::kEvents:
      return "events";
    case TraceEnding::kStopped:
      return "stopped";
    case TraceEnding::kUnreadable:
      break;
  }
  return "unreadable";
}

std::string_view trace_layer_word(unsigned layer) {
  constexpr std::array<std::string_view, SONDE_TRACE_LAYER_COUNT> kWords{
      "write",   "queue",  "transmit", "transmitted", "arrive",
      "receive", "socket", "read",     "run_queue",   "retransmit"};
  return layer < kWords.size() ? kWords[layer] : "unknown";
}

std::string trace_json(const TraceReport& report) {
  Json json = trace_summary(report);
  for (const char* const list : {"pairs", "culprits", "flows"}) json[list] = Json::array();
  for (const PairDelay& pair : report.pairs) json["pairs"].push_back(pair_json(report, pair));
  for (const Contention& contention : report.contention)
    json["culprits"].push_back(contention_json(contention));
  for (const TracedDirection& direction : report.directions)
    json["flows"].push_back(flow_json(report, direction));
  json["threads"] = threads_json(report);
  return dump(json) + '\n';
}

std::string trace_chrome_json(const TraceReport& report) {
  return ChromeEvents(report).text() + '\n';
}

std::string trace_list_json(std::span<const std::shared_ptr<const TraceReport>> reports) {
  Json list = Json::array();
  for (const auto& report : reports) {
    Json json = trace_summary(*report);
    if (!report->pairs.empty()) {
      json["slowest"] = part_word(report->pairs.front().slowest);
      json["confidence"] = report->pairs.front().confidence;
    }
    list.push_back(std::move(json));
  }
  return dump({{"traces", std::move(list)}}) + '\n';
}

}  // namespace sonde::exporter
