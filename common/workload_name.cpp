#include "common/workload_name.h"

#include <algorithm>

namespace sonde {
namespace {

constexpr std::string_view kSafeAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kSuffixLength = 5;
constexpr size_t kShortestHash = 6;
constexpr size_t kLongestHash = 10;

/// The part after the last '-', and what stands before it.
struct Split {
  std::string_view head;
  std::string_view tail;
};

Split split(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return {name, {}};
  return {name.substr(0, dash), name.substr(dash + 1)};
}

bool generated(std::string_view text, size_t shortest, size_t longest) {
  return text.size() >= shortest && text.size() <= longest &&
         text.find_first_not_of(kSafeAlphabet) == std::string_view::npos;
}

bool number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The value of a label; "" where there is none.
std::string_view value_of(const RuntimeLabels& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string_view() : found->second;
}

/// What stands before "-<end>"; the whole text where it does not end so, or nothing would be left.
std::string_view without(std::string_view text, std::string_view end) {
  if (end.empty() || text.size() <= end.size() + 1 || !text.ends_with(end)) return text;
  const std::string_view head = text.substr(0, text.size() - end.size());
  return head.ends_with('-') ? head.substr(0, head.size() - 1) : text;
}

/// A CronJob's job is named after it and the minute, or once the second, of its schedule since 1970.
std::string_view cron_job_of(std::string_view job) {
  const Split last = split(job);
  return number(last.tail) && last.tail.size() >= 8 && last.tail.size() <= 10 ? last.head : job;
}

}  // namespace

std::string workload_of_pod(std::string_view pod) {
  const Split last = split(pod);
  if (generated(last.tail, kSuffixLength, kSuffixLength)) {
    const Split before = split(last.head);
    if (generated(before.tail, kShortestHash, kLongestHash)) return std::string(before.head);
    return std::string(cron_job_of(last.head));
  }
  if (number(last.tail)) return std::string(last.head);
  return std::string(pod);
}

std::string workload_of_pod(std::string_view pod, const RuntimeLabels& labels, std::string_view node) {
  const Split last = split(pod);
  if (const auto hash = value_of(labels, "pod-template-hash"); !hash.empty()) {
    return std::string(without(last.head, hash));
  }
  if (!value_of(labels, "statefulset.kubernetes.io/pod-name").empty()) {
    return std::string(number(last.tail) ? last.head : pod);
  }
  for (const char* const label : {"batch.kubernetes.io/job-name", "job-name"}) {
    if (const auto job = value_of(labels, label); !job.empty()) return std::string(cron_job_of(job));
  }
  if (!value_of(labels, "controller-revision-hash").empty()) return std::string(last.head);
  return std::string(without(pod, node));
}

std::string workload_of_container(std::string_view container, const RuntimeLabels& labels) {
  for (const char* const label :
       {"com.docker.compose.service", "io.podman.compose.service", "com.docker.swarm.service.name"}) {
    if (const auto service = value_of(labels, label); !service.empty()) return std::string(service);
  }
  if (const auto unit = value_of(labels, "PODMAN_SYSTEMD_UNIT"); unit.ends_with(".service")) {
    const std::string_view name = unit.substr(0, unit.size() - std::string_view(".service").size());
    return std::string(name.substr(0, name.find('@')));
  }
  const size_t end = container.find_last_not_of("0123456789");
  const bool numbered = end != std::string_view::npos && end > 0 && end + 1 < container.size() &&
                        (container[end] == '-' || container[end] == '_');
  return std::string(numbered ? container.substr(0, end) : container);
}

}  // namespace sonde
