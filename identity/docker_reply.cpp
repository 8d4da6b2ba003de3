#include "identity/docker_socket.h"
#include "identity/json_members.h"

namespace sonde::identity {
Result<std::vector<ContainerRecord>> parse_docker_list(std::string_view json) {
  const Json list = parse_json(json);
  if (!list.is_array()) return fail(ErrorCode::kInvalid, "the list of containers is no JSON array");
  std::vector<ContainerRecord> records;
  for (const Json& entry : list) {
    ContainerRecord record;
    record.id = text_of(member(entry, "Id"));
    const Json& names = member(entry, "Names");
    if (names.is_array() && !names.empty()) record.container = text_of(names.front());
    if (record.id.empty() || record.container.empty()) continue;
    record.image = text_of(member(entry, "Image"));
    record.image_digest = text_of(member(entry, "ImageID"));
    record.labels = labels_of(member(entry, "Labels"));
    const Json& created = member(entry, "Created");
    if (created.is_number_integer()) record.started_at = static_cast<double>(created.get<int64_t>());
    name_docker_container(record);
    records.push_back(std::move(record));
  }
  return records;
}

Result<void> add_docker_details(std::string_view json, ContainerRecord& record) {
  const Json details = parse_json(json);
  if (!details.is_object()) return fail(ErrorCode::kInvalid, "the details of a container are no JSON object");
  if (const double started = time_of(member(member(details, "State"), "StartedAt")); started > 0) {
    record.started_at = started;
  }
  return {};
}

}  // namespace sonde::identity
