#include "identity/runtime_state.h"

#include <array>
#include <utility>

#include "identity/json_members.h"

namespace sonde::identity {
namespace {

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
  const Json bundle = parse_json(json);
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
    record.labels = labels_of(parse_json(value_of(annotations, "io.kubernetes.cri-o.Labels")));
    return record;
  }
  return fail(ErrorCode::kNotFound, "an OCI bundle without the names of a pod");
}

Result<ContainerRecord> parse_docker_config(std::string_view json) {
  const Json file = parse_json(json);
  ContainerRecord record;
  record.id = text_of(member(file, "ID"));
  record.container = text_of(member(file, "Name"));
  if (record.id.empty() || record.container.empty())
    return fail(ErrorCode::kInvalid, "no Docker config.v2.json");
  const Json& config = member(file, "Config");
  record.image = text_of(member(config, "Image"));
  record.image_digest = text_of(member(file, "Image"));
  record.started_at = time_of(member(member(file, "State"), "StartedAt"));
  record.labels = labels_of(member(config, "Labels"));
  name_docker_container(record);
  return record;
}

Result<std::vector<ContainerRecord>> parse_podman_containers(std::string_view json) {
  const Json file = parse_json(json);
  if (!file.is_array()) return fail(ErrorCode::kInvalid, "no containers.json of Podman");
  std::vector<ContainerRecord> records;
  for (const Json& entry : file) {
    ContainerRecord record;
    record.id = text_of(member(entry, "id"));
    const Json& names = member(entry, "names");
    if (names.is_array() && !names.empty()) record.container = text_of(names.front());
    if (record.id.empty() || record.container.empty()) continue;
    record.image = text_of(member(parse_json(text_of(member(entry, "metadata"))), "image-name"));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace sonde::identity
