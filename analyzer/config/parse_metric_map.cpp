#include "analyzer/config/parse_metric_map.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "analyzer/config/config.h"

namespace sonde::analyzer {
namespace {

constexpr double kLargest = 1e15;

/// Reads an enumeration whose values are numbered as the words are.
template <class Enum>
void read_enum(YamlSection& section, const std::string& key, const std::vector<std::string>& words,
               Enum& value) {
  auto index = static_cast<size_t>(value);
  section.read_word(key, words, index);
  value = static_cast<Enum>(index);
}

void parse_labels(YamlSection section, MetricEntry& entry) {
  for (auto& [identity, label] : entry.labels) section.read(identity, label);
  section.close();
}

void parse_entry(YamlSection section, const YAML::Node& node, MetricEntry& entry) {
  section.read("select", entry.select);
  read_enum(section, "kind", {"counter", "gauge"}, entry.kind);
  section.read("factor", entry.factor, -kLargest, kLargest);
  read_enum(section, "aggregate", {"sum", "max", "mean"}, entry.aggregate);
  size_t change = entry.as_change ? 1 : 0;
  section.read_word("score", {"level", "change"}, change);
  entry.as_change = change == 1;
  read_enum(section, "role", {"cause", "symptom"}, entry.role);
  size_t direction = entry.cause_when_falling ? 1 : 0;
  section.read_word("direction", {"up", "both"}, direction);
  entry.cause_when_falling = direction == 1;
  section.read("load", entry.load);
  section.read("floor", entry.floor, 1e-12, kLargest);
  section.read("unit", entry.unit);
  parse_labels(section.section("labels"), entry);
  read_enum(section, "workload", {"label", "pod_name"}, entry.workload);
  section.close();
  if (entry.select.empty()) {
    section.complaints().add(node, section.full_key("select"),
                             ": missing; name the series, such as my_cpu_seconds_total{container!=\"\"}");
  }
  if (entry.kind == MetricEntry::Kind::kCounter && entry.as_change) {
    section.complaints().add(node, section.full_key("score"),
                             "=change: a counter is always scored as its rate; use level or leave it out");
  }
}

bool valid_quantity(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

void add_preset(const std::string& name, const YAML::Node& where, YamlSection& section, MetricMap& map) {
  const std::string_view text = preset_text(name);
  if (text.empty()) {
    section.complaints().add(
        where, section.full_key("presets"),
        fmt::format("={}: no such preset; use any of {}", name, fmt::join(preset_names(), ", ")));
    return;
  }
  Complaints own("preset " + name);
  YamlSection preset(YAML::Load(std::string(text)), "", own);
  preset.for_rest([&](const std::string& quantity, const YAML::Node& node) {
    MetricEntry entry;
    parse_entry(YamlSection(node, quantity, own), node, entry);
    map.insert_or_assign(quantity, std::move(entry));
  });
  if (!own.empty()) section.complaints().add(where, section.full_key("presets"), ": " + own.text());
}

}  // namespace

void parse_metric_map(YamlSection section, std::vector<std::string>& presets, MetricMap& map) {
  presets = {"sonde"};
  const YAML::Node list = section.find("presets");
  section.read("presets", presets);
  map.clear();
  for (const std::string& name : presets) add_preset(name, list, section, map);
  section.for_rest([&](const std::string& quantity, const YAML::Node& node) {
    if (!valid_quantity(quantity)) {
      section.complaints().add(node, section.full_key(quantity),
                               ": a quantity's name has lower-case letters, digits and _ only");
      return;
    }
    parse_entry(YamlSection(node, section.full_key(quantity), section.complaints()), node, map[quantity]);
  });
}

}  // namespace sonde::analyzer
