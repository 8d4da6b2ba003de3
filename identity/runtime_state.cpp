#include "identity/runtime_state.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace sonde::identity {
namespace {

using Json = nlohmann::json;

/// A discarded value for what is no JSON. Neither the parser nor the destructor recurses.
Json parse(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

/// A member of an object; a null value where there is none.
const Json& member(const Json& object, const char* key) {
  static const Json kNone;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : kNone;
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

/// The names of one runtime's annotations.
struct Annotations {
  const char* name_space;
  const char* pod;
  const char* pod_uid;
  const char* container;
  const char* type;
  const char* image;
};
constexpr std::array<Annotations, 2> kAnnotations{
    {{"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-name",
      "io.kubernetes.cri.sandbox-uid", "io.kubernetes.cri.container-name", "io.kubernetes.cri.container-type",
      "io.kubernetes.cri.image-name"},
     {"io.kubernetes.pod.namespace", "io.kubernetes.pod.name", "io.kubernetes.pod.uid",
      "io.kubernetes.container.name", "io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.ImageName"}}};

}  // namespace

Result<ContainerRecord> parse_oci_bundle(std::string_view json) {
  const Json bundle = parse(json);
  if (!member(bundle, "ociVersion").is_string())
    return fail(ErrorCode::kInvalid, "no OCI bundle's config.json");
  const RuntimeLabels annotations = labels_of(member(bundle, "annotations"));
  for (const Annotations& known : kAnnotations) {
    ContainerRecord record;
    record.pod = value_of(annotations, known.pod);
    if (record.pod.empty()) continue;
    record.name_space = value_of(annotations, known.name_space);
    record.pod_uid = value_of(annotations, known.pod_uid);
    record.sandbox = value_of(annotations, known.type) == "sandbox";
    if (!record.sandbox) record.container = value_of(annotations, known.container);
    record.image = value_of(annotations, known.image);
    record.labels = labels_of(parse(value_of(annotations, "io.kubernetes.cri-o.Labels")));
    return record;
  }
  return fail(ErrorCode::kNotFound, "an OCI bundle without the names of a pod");
}

Result<ContainerRecord> parse_docker_config(std::string_view json) {
  const Json file = parse(json);
  ContainerRecord record;
  record.id = text_of(member(file, "ID"));
  record.container = text_of(member(file, "Name"));
  if (record.id.empty() || record.container.empty())
    return fail(ErrorCode::kInvalid, "no Docker config.v2.json");
  if (record.container.front() == '/') record.container.erase(0, 1);
  const Json& config = member(file, "Config");
  record.image = text_of(member(config, "Image"));
  record.labels = labels_of(member(config, "Labels"));
  record.pod = value_of(record.labels, "io.kubernetes.pod.name");
  if (record.pod.empty()) return record;
  record.name_space = value_of(record.labels, "io.kubernetes.pod.namespace");
  record.pod_uid = value_of(record.labels, "io.kubernetes.pod.uid");
  record.sandbox = value_of(record.labels, "io.kubernetes.docker.type") == "podsandbox";
  record.container = record.sandbox ? "" : value_of(record.labels, "io.kubernetes.container.name");
  return record;
}

Result<std::vector<ContainerRecord>> parse_podman_containers(std::string_view json) {
  const Json file = parse(json);
  if (!file.is_array()) return fail(ErrorCode::kInvalid, "no containers.json of Podman");
  std::vector<ContainerRecord> records;
  for (const Json& entry : file) {
    ContainerRecord record;
    record.id = text_of(member(entry, "id"));
    const Json& names = member(entry, "names");
    if (names.is_array() && !names.empty()) record.container = text_of(names.front());
    if (record.id.empty() || record.container.empty()) continue;
    record.image = text_of(member(parse(text_of(member(entry, "metadata"))), "image-name"));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace sonde::identity
