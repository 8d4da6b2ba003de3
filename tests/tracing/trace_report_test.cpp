#include "exporter/flows/tracing/trace_report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "common/metrics/series_writer.h"
#include "exporter/flows/tracing/trace_metrics.h"
#include "exporter/flows/tracing/trace_pages.h"
#include "exporter/flows/tracing/trace_targets.h"
#include "tests/tracing/made_up_way.h"

namespace sonde::exporter {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// A trace of three packets whose way was slow.
TraceReport made_up_report() {
  MadeUpEvents events;
  for (uint32_t i = 0; i < 3; ++i) {
    const uint64_t t = 1000 + i * 10'000;
    events.packet(i * 100, 100,
                  {.write = t,
                   .departure = t + 1,
                   .queue = t + 2,
                   .transmit = t + 3,
                   .transmitted = t + 4,
                   .arrive = t + 5004,
                   .receive = t + 5005,
                   .socket = t + 5006,
                   .read = t + 5007});
  }
  events.wait(kReader, 50, 950);
  TraceReport report;
  report.id = 3;
  report.events = events.events;
  report.started_seconds = 1000;
  report.end_ns = 100'000'000;
  report.counts.flows = {{0,
                          {.source = parse_trace_end("10.0.0.1")->address,
                           .destination = parse_trace_end("10.0.0.2")->address,
                           .source_port = 4711,
                           .destination_port = 80}}};
  trace_thread thread{};
  thread.process = 9;
  std::memcpy(thread.name, "a \"name\"\xff", 9);
  report.counts.threads = {{kReader, thread}};
  report.counts.tallies[SONDE_TRACE_OVER_BUDGET] = 17;
  report.directions = pair_events({.events = report.events, .end_ns = report.end_ns, .gaps = true});
  report.pairs = judge_pairs(report.directions, report.counts.flows);
  report.spaces = {{kSender, {.name_space = "shop", .pod = "api-1", .container = "api-1", .service = "api"}}};
  return report;
}

TEST(TraceReport, TheJsonNamesTheSlowPartItsShareAndBothEnds) {
  const json page = json::parse(trace_json(made_up_report()));
  EXPECT_EQ(page["id"], 3);
  EXPECT_EQ(page["events"]["over_budget"], 17);
  ASSERT_EQ(page["pairs"].size(), 1U);
  const json& pair = page["pairs"][0];
  EXPECT_EQ(pair["slowest"], "network");
  EXPECT_GT(pair["share"]["network"].get<double>(), 0.99);
  EXPECT_EQ(pair["sender"]["workload"]["service"], "api");
  EXPECT_TRUE(pair["receiver"]["workload"].is_null());
  EXPECT_EQ(pair["receiver"]["address"], "10.0.0.2");
  EXPECT_NEAR(pair["there"]["stages"]["way"]["mean_seconds"].get<double>(), 0.005, 1e-9);
  EXPECT_EQ(page["flows"][0]["from"], "10.0.0.1:4711");
  EXPECT_NEAR(page["flows"][0]["stages"]["way"]["max_seconds"].get<double>(), 0.005, 1e-9);
}

TEST(TraceReport, WhatNatMadeOfAFlowStandsBesideIt) {
  TraceReport report = made_up_report();
  EXPECT_FALSE(json::parse(trace_json(report))["flows"][0].contains("translated"));
  report.counts.translated = {{0,
                               {.source = parse_trace_end("10.0.0.1")->address,
                                .destination = parse_trace_end("10.1.0.9")->address,
                                .source_port = 4711,
                                .destination_port = 8080}}};
  const json flow = json::parse(trace_json(report))["flows"][0];
  EXPECT_EQ(flow["to"], "10.0.0.2:80");
  EXPECT_EQ(flow["translated"]["to"], "10.1.0.9:8080");
}

TEST(TraceReport, TheChromeFormatHasEveryEventAndEveryStageTwice) {
  const TraceReport report = made_up_report();
  const json page = json::parse(trace_chrome_json(report));
  std::map<std::string, size_t> phases;
  for (const json& event : page["traceEvents"]) {
    ++phases[event["ph"]];
    if (event["ph"] != "M") {
      EXPECT_TRUE(event["ts"].is_number()) << event;
      EXPECT_TRUE(event.contains("pid") && event.contains("tid")) << event;
    }
  }
  EXPECT_EQ(phases["X"], 1U) << "the wait for a CPU";
  EXPECT_EQ(phases["i"], report.events.size() - 1);
  EXPECT_EQ(phases["b"], phases["e"]);
  EXPECT_EQ(phases["b"], 3 * 8U) << "those longer than 0";
}

std::string text_of(const TraceMetrics& metrics, double now_seconds) {
  metrics::SeriesWriter writer;
  metrics.write(true, now_seconds, writer);
  return std::string(writer.text());
}

TEST(TraceMetrics, AddUpTracesAndKeepTheLastVerdict) {
  TraceMetrics metrics;
  metrics.add(made_up_report());
  metrics.add(made_up_report());
  const std::string page = text_of(metrics, 1001);
  EXPECT_THAT(page,
              HasSubstr("sonde_trace_stage_seconds_bucket{part=\"network\",stage=\"way\",le=\"0.004\"} 0\n"));
  EXPECT_THAT(page,
              HasSubstr("sonde_trace_stage_seconds_bucket{part=\"network\",stage=\"way\",le=\"0.016\"} 6\n"));
  EXPECT_THAT(page, HasSubstr("sonde_traces_total{cause=\"request\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("sonde_trace_events_total{outcome=\"over_budget\"} 34\n"));
  EXPECT_THAT(page, HasSubstr("sonde_trace_running 1\n"));
  EXPECT_THAT(
      page,
      HasSubstr(
          "sonde_trace_delay_share_ratio{sender_namespace=\"shop\",sender_pod=\"api-1\",sender_service="
          "\"api\","
          "receiver_namespace=\"\",receiver_pod=\"\",receiver_service=\"~private\",part=\"network\"} 0.99"));
  const std::string verdict = "~private\",part=\"network\"";
  EXPECT_EQ(page.find(verdict), page.rfind(verdict)) << "one verdict a pair";
}

TEST(TraceMetrics, EndsElsewhereAreANetworkOrAClassAndNeverAnAddress) {
  NamedNetworks networks;
  ASSERT_TRUE(networks.add("database=10.0.0.0/30"));
  TraceMetrics named(networks);
  TraceMetrics classes;
  for (const char* const remote : {"10.0.0.2", "10.0.0.3", "192.0.2.7", "fd00::7"}) {
    TraceReport report = made_up_report();
    report.counts.flows[0].destination = parse_trace_end(remote)->address;
    report.pairs = judge_pairs(report.directions, report.counts.flows);
    named.add(report);
    classes.add(report);
    EXPECT_THAT(text_of(named, 1001), Not(HasSubstr(remote)));
  }
  EXPECT_THAT(text_of(named, 1001), HasSubstr("receiver_service=\"database\""));
  const std::string page = text_of(classes, 1001);
  size_t pairs = 0;
  for (size_t at = page.find("\nsonde_trace_delay_seconds{"); at != std::string::npos;
       at = page.find("\nsonde_trace_delay_seconds{", at + 1)) {
    ++pairs;
  }
  EXPECT_EQ(pairs, 2U) << "~private and ~public: as many rows as classes, whatever the addresses\n" << page;
}

TEST(TraceMetrics, AVerdictSaysWhenItWasAndIsGoneTenMinutesLater) {
  TraceMetrics metrics;
  metrics.add(made_up_report());
  EXPECT_THAT(text_of(metrics, 1001),
              ContainsRegex("\nsonde_trace_delay_timestamp_seconds\\{[^}]*\\} 1000.1\n"));
  for (const char* const name : {"share_ratio", "confidence_ratio", "seconds", "timestamp_seconds"}) {
    const std::string sample = fmt::format("\nsonde_trace_delay_{}{{", name);
    EXPECT_THAT(text_of(metrics, 1599), HasSubstr(sample));
    EXPECT_THAT(text_of(metrics, 1601), Not(HasSubstr(sample)));
  }
  EXPECT_THAT(text_of(metrics, 1601), HasSubstr("sonde_traces_total{cause=\"request\"} 1\n"));
}

TEST(TracePages, AnswerWhatIsWrongOrNotThere) {
  CapabilityTable capabilities;
  BpfContext context(BpfOptions{}, capabilities);
  Tracer tracer(context, {.containers = [] { return std::make_shared<const ContainerTable>(); }});
  http::Request request;
  request.body = R"({"container": {"service": "api"}, "seconds": 0})";
  EXPECT_EQ(answer_trace(tracer, request).status, 400);
  request.body = R"({"container": {"service": "api"}})";
  const http::Response absent = answer_trace(tracer, request);
  EXPECT_EQ(absent.status, 404);
  EXPECT_THAT(
      absent.body,
      HasSubstr("there is none of {namespace=\"\", pod=\"\", container=\"\", service=\"api\"} on this node"));
  EXPECT_EQ(answer_traces(tracer).body, "{\"traces\":[]}\n");
  for (const char* const path :
       {"/traces/1", "/traces/", "/traces/x", "/traces/1/", "/traces/99999999999999999999"}) {
    request.path = path;
    EXPECT_EQ(answer_trace_page(tracer, request).status, 404) << path;
  }
  request.parameters = {{"format", "xml"}};
  EXPECT_EQ(answer_trace_page(tracer, request).status, 400);
}

}  // namespace
}  // namespace sonde::exporter
