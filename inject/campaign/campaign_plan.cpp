#include "inject/campaign/campaign_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/yaml_section.h"
#include "inject/faults/fault_table.h"
#include "inject/options.h"
#include "inject/target_flags.h"
#include "inject/workload/workload_text.h"

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;

constexpr size_t kLongestFile = 1 << 20;
constexpr uint64_t kMostRepeats = 1000;
constexpr milliseconds kLongest = std::chrono::hours(24);
constexpr const char* kTogether = "together";
constexpr const char* kWalk = "walk";
constexpr const char* kHeavy = "heavy_workload";

void parse_times(YamlSection& section, CampaignPlan& plan) {
  section.read("seed", plan.seed, 0, UINT64_MAX);
  section.read("repeat", plan.repeat, 1, kMostRepeats);
  size_t order = 0;
  section.read_word("order", {"random", "listed"}, order);
  plan.random_order = order == 0;
  section.read("warm_up", plan.warm_up, milliseconds(0), kLongest);
  section.read("injection_duration", plan.injection_duration, milliseconds(1000), kLongest);
  section.read("pause_time", plan.pause_time, milliseconds(0), kLongest);
}

void parse_workload(YamlSection section, const YAML::Node& node, CampaignPlan& plan) {
  if (!node.IsDefined()) return;
  WorkloadText text;
  section.read("url", text.url);
  section.read("rate", text.rate, kLowestRate, kHighestRate);
  section.read("steps", text.steps);
  section.read("day", text.day);
  section.read("swing", text.swing, 0, 0.999);
  section.read("workers", text.workers, 1, kMostWorkers);
  section.read("network_namespace", text.network_namespace);
  plan.workload = read_workload(text, [&](std::string_view member, const std::string& complaint) {
    section.complaints().add(node, section.full_key(std::string(member)), complaint);
  });
  section.close();
}

/// The maps of a list, each with its path in the file.
template <class Take>
void for_each_map(YamlSection& section, const std::string& key, const char* example, Take&& take) {
  const YAML::Node list = section.find(key);
  if (!list.IsDefined() || !list.IsSequence() || list.size() == 0) {
    section.complaints().add(list, section.full_key(key),
                             fmt::format(": a list is wanted here, such as {}", example));
    return;
  }
  for (size_t i = 0; i < list.size(); ++i) take(list[i], fmt::format("{}[{}]", section.full_key(key), i));
}

CampaignTarget parse_target(YamlSection section, const YAML::Node& node, const std::string& path) {
  CampaignTarget target;
  for (const char* key : {"cgroup", "container", "pod", "service", "namespace", "replica"}) {
    std::string value;
    section.read(key, value);
    if (value.empty()) continue;
    target.flags.push_back(fmt::format("--{}={}", key, value));
    target.text += fmt::format("{}{}={}", target.text.empty() ? "" : " ", key, value);
  }
  section.close();
  if (target.flags.empty()) {
    section.complaints().add(node, path, ": names nothing; write for example {service: api}");
  } else if (const auto good = read_target_flags(target.flags); !good) {
    section.complaints().add(node, path, ": " + good.error().message);
  }
  return target;
}

/// Why a key of a fault is none of its own flags, with the remedy; "" where it may be one.
std::string not_of_the_fault(const std::string& key) {
  static const std::set<std::string, std::less<>> kTargetKeys = {"cgroup",  "container", "pod",
                                                                 "service", "namespace", "replica"};
  static const std::set<std::string, std::less<>> kCampaignKeys = {
      "linger", "state-dir", "path.rootfs", "check", "report-descriptor", "help"};
  if (kTargetKeys.contains(key)) return ": belongs under targets; every fault goes into each of them";
  if (key == "duration") return ": injection_duration says it for every fault";
  if (kCampaignKeys.contains(key) || key.starts_with("web.") || key.starts_with("log.")) {
    return ": is a flag of the campaign, not of a fault; leave it out";
  }
  if (key.find('_') != std::string::npos) {
    std::string flag = key;
    std::ranges::replace(flag, '_', '-');
    return fmt::format(": flags of a fault are written as on its command line; write {}", flag);
  }
  return "";
}

/// The flags at one end of their ranges, as a command line that could be run.
std::vector<std::string> words_of(const CampaignFault& fault, bool high) {
  std::vector<std::string> words = {fault.fault, "--cgroup=/any", "--duration=1s"};
  for (const FlagRange& flag : fault.flags) words.push_back(high ? flag.high() : flag.low());
  return words;
}

CampaignFault parse_fault(YamlSection& section, const YAML::Node& node, const std::string& path) {
  CampaignFault fault;
  section.read("fault", fault.fault);
  if (find_fault(fault.fault) == nullptr) {
    std::vector<std::string_view> known;
    for (const auto& row : fault_table()) known.push_back(row.name);
    section.complaints().add(
        node, path + ".fault",
        fmt::format("{}: use one of {}",
                    fault.fault.empty() ? ": missing" : "=" + fault.fault + ": no such fault",
                    fmt::join(known, ", ")));
    return fault;
  }
  const size_t complaints_before = section.complaints().count();
  section.for_rest([&](const std::string& key, const YAML::Node& value) {
    if (const std::string why = not_of_the_fault(key); !why.empty()) {
      section.complaints().add(value, path + "." + key, why);
      return;
    }
    if (value.IsScalar()) {
      fault.flags.push_back(FlagRange::fixed(key, value.Scalar()));
      return;
    }
    const bool pair = value.IsSequence() && value.size() == 2 && value[0].IsScalar() && value[1].IsScalar();
    auto range = pair ? FlagRange::between(key, value[0].Scalar(), value[1].Scalar())
                      : FlagRange::between(key, "", "");
    if (range) {
      fault.flags.push_back(std::move(*range));
    } else {
      section.complaints().add(value, path + "." + key, ": " + range.error().message);
    }
  });
  if (section.complaints().count() > complaints_before) return fault;
  for (const bool high : {false, true}) {
    if (const auto good = read_fault_words(words_of(fault, high)); !good) {
      section.complaints().add(node, path, ": " + good.error().message);
      break;
    }
  }
  return fault;
}

CampaignEntry parse_together(const YAML::Node& list, const std::string& path, Complaints& complaints) {
  CampaignEntry entry{CampaignEntry::Kind::kTogether, {}, {}};
  if (!list.IsSequence() || list.size() < 2) {
    complaints.add(list, path, ": a list of two faults or more is wanted here");
    return entry;
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string own = fmt::format("{}[{}]", path, i);
    YamlSection section(list[i], own, complaints);
    CampaignFault fault = parse_fault(section, list[i], own);
    if (std::ranges::count(entry.faults, fault.fault, &CampaignFault::fault) > 0) {
      complaints.add(list[i], own + ".fault",
                     fmt::format("={}: stands here twice; one fault has one label", fault.fault));
    }
    entry.faults.push_back(std::move(fault));
  }
  return entry;
}

CampaignEntry parse_heavy(const YAML::Node& node, const std::string& path, Complaints& complaints) {
  CampaignEntry entry{CampaignEntry::Kind::kHeavy, {}, {}};
  const bool pair = node.IsSequence() && node.size() == 2;
  const auto range = pair ? FlagRange::between("factor", node[0].Scalar(), node[1].Scalar())
                          : FlagRange::between("factor", node.IsScalar() ? node.Scalar() : "",
                                               node.IsScalar() ? node.Scalar() : "");
  if (!range || range->lowest() <= 1) {
    complaints.add(node, path, ": a factor above 1 of the workload's rate is wanted here: 2, or [1.5, 3]");
  } else {
    entry.heavy_factor = *range;
  }
  return entry;
}

CampaignEntry parse_entry(const YAML::Node& node, const std::string& path, Complaints& complaints) {
  YamlSection section(node, path, complaints);
  if (const YAML::Node list = section.find(kTogether); list.IsDefined()) {
    section.close();
    return parse_together(list, path + "." + kTogether, complaints);
  }
  if (const YAML::Node walk = section.find(kWalk); walk.IsDefined()) {
    section.close();
    const std::string own = path + "." + kWalk;
    YamlSection fault(walk, own, complaints);
    return {CampaignEntry::Kind::kWalk, {parse_fault(fault, walk, own)}, {}};
  }
  if (const YAML::Node heavy = section.find(kHeavy); heavy.IsDefined()) {
    section.close();
    return parse_heavy(heavy, path + "." + kHeavy, complaints);
  }
  return {CampaignEntry::Kind::kSingle, {parse_fault(section, node, path)}, {}};
}

void check_together(const YAML::Node& root, const CampaignPlan& plan, Complaints& complaints) {
  for (const CampaignEntry& entry : plan.faults) {
    if (entry.kind == CampaignEntry::Kind::kHeavy && !plan.workload) {
      complaints.add(root, "workload", ": missing; heavy_workload needs one");
    }
    if (entry.kind == CampaignEntry::Kind::kWalk && plan.targets.size() < 2) {
      complaints.add(root, "targets", ": a fault walks between two targets or more; add one");
    }
  }
}

}  // namespace

Result<CampaignPlan> parse_campaign(std::string_view text, const std::string& file) {
  if (text.size() > kLongestFile) {
    return fail(ErrorCode::kLimit,
                fmt::format("{}: {} bytes; a campaign has at most {}", file, text.size(), kLongestFile));
  }
  const Result<YAML::Node> root = load_yaml(text, file);
  if (!root) return tl::unexpected(root.error());
  CampaignPlan plan;
  Complaints complaints(file);
  try {
    YamlSection section(*root, "", complaints);
    parse_times(section, plan);
    parse_workload(section.section("workload"), section.find("workload"), plan);
    for_each_map(section, "targets", "[{service: api}]",
                 [&](const YAML::Node& node, const std::string& path) {
                   plan.targets.push_back(parse_target(YamlSection(node, path, complaints), node, path));
                 });
    for_each_map(section, "faults", "[{fault: cpu, cores: [0.5, 1.5]}]",
                 [&](const YAML::Node& node, const std::string& path) {
                   plan.faults.push_back(parse_entry(node, path, complaints));
                 });
    section.close();
    if (complaints.empty()) check_together(*root, plan, complaints);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: {}", file, error.what()));
  }
  if (!complaints.empty()) return fail(ErrorCode::kInvalid, complaints.text());
  return plan;
}

}  // namespace sonde::inject
