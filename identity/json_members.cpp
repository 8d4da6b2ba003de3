#include "identity/json_members.h"

#include <ctime>

namespace sonde::identity {

Json parse_json(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

const Json& member(const Json& object, const char* key) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

RuntimeLabels labels_of(const Json& object) {
  RuntimeLabels labels;
  if (!object.is_object()) return labels;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) labels.emplace(name, value.get<std::string>());
  }
  return labels;
}

std::string value_of(const RuntimeLabels& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

double time_of(const Json& value) {
  const std::string text = text_of(value);
  std::tm time{};
  const char* const rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr || text.back() != 'Z') return 0;
  const std::time_t seconds = timegm(&time);
  return seconds > 0 ? static_cast<double>(seconds) : 0;
}

void name_docker_container(ContainerRecord& record) {
  if (record.container.starts_with('/')) record.container.erase(0, 1);
  record.pod = value_of(record.labels, "io.kubernetes.pod.name");
  if (record.pod.empty()) return;
  record.name_space = value_of(record.labels, "io.kubernetes.pod.namespace");
  record.pod_uid = value_of(record.labels, "io.kubernetes.pod.uid");
  record.sandbox = value_of(record.labels, "io.kubernetes.docker.type") == "podsandbox";
  record.container = record.sandbox ? "" : value_of(record.labels, "io.kubernetes.container.name");
}

}  // namespace sonde::identity
