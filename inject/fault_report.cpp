#include "inject/fault_report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace sonde::inject {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kEvents = {"placed", "proven", "measured", "ended", "left"};

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorCode::kInvalid, "a fault's report is malformed: " + std::string(why));
}

bool read_text(const json& object, const char* key, std::string& text) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  text = found->get<std::string>();
  return true;
}

bool read_name(const json& object, identity::ContainerName& name) {
  return read_text(object, "namespace", name.name_space) && read_text(object, "pod", name.pod) &&
         read_text(object, "container", name.container) && read_text(object, "service", name.service);
}

bool read_readings(const json& object, FaultReport& report) {
  const auto found = object.find("readings");
  if (found == object.end() || !found->is_object()) return false;
  for (const auto& [metric, value] : found->items()) {
    if (!value.is_number()) return false;
    report.readings.emplace_back(metric, value.get<double>());
  }
  return true;
}

}  // namespace

std::string format_report(const FaultReport& report) {
  json object = {{"event", kEvents.at(static_cast<size_t>(report.event))},
                 {"seconds", report.seconds},
                 {"namespace", report.name.name_space},
                 {"pod", report.name.pod},
                 {"container", report.name.container},
                 {"service", report.name.service},
                 {"fault", report.fault},
                 {"summary", report.summary},
                 {"readings", json::object()}};
  for (const auto& [metric, value] : report.readings) object["readings"][metric] = value;
  // Names are bytes of paths, which need not be UTF-8.
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<FaultReport> parse_report(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return malformed("no JSON object");
  FaultReport report;
  std::string event;
  const auto seconds = object.find("seconds");
  if (!read_text(object, "event", event) || seconds == object.end() || !seconds->is_number() ||
      !read_name(object, report.name) || !read_text(object, "fault", report.fault) ||
      !read_text(object, "summary", report.summary) || !read_readings(object, report)) {
    return malformed("a member is missing or of another type");
  }
  const auto* known = std::ranges::find(kEvents, event);
  if (known == kEvents.end()) return malformed("event=" + event + " is unknown");
  report.event = static_cast<FaultReport::Event>(known - kEvents.begin());
  report.seconds = seconds->get<double>();
  return report;
}

}  // namespace sonde::inject
