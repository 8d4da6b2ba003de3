#include "identity/cri_reply.h"

#include <map>
#include <string>

#include "identity/proto/cri.pb.h"

namespace sonde::identity {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;

bool parse(google::protobuf::MessageLite& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void add_labels(const google::protobuf::Map<std::string, std::string>& from, RuntimeLabels& to) {
  for (const auto& [name, value] : from) to.emplace(name, value);
}

std::string image_of(const cri::ImageSpec& image) {
  return image.user_specified_image().empty() ? image.image() : image.user_specified_image();
}

ContainerRecord record_of(const cri::PodSandbox& sandbox) {
  ContainerRecord record;
  record.id = sandbox.id();
  record.name_space = sandbox.metadata().namespace_();
  record.pod = sandbox.metadata().name();
  record.pod_uid = sandbox.metadata().uid();
  record.sandbox = true;
  add_labels(sandbox.labels(), record.labels);
  return record;
}

}  // namespace

Result<std::vector<ContainerRecord>> parse_cri_lists(std::string_view sandboxes,
                                                     std::string_view containers) {
  cri::ListPodSandboxResponse pods;
  cri::ListContainersResponse list;
  if (!parse(pods, sandboxes))
    return fail(ErrorCode::kInvalid, "the list of pod sandboxes is no message of CRI");
  if (!parse(list, containers))
    return fail(ErrorCode::kInvalid, "the list of containers is no message of CRI");
  std::map<std::string_view, const cri::PodSandbox*> by_id;
  std::vector<ContainerRecord> records;
  for (const cri::PodSandbox& sandbox : pods.items()) {
    by_id.emplace(sandbox.id(), &sandbox);
    records.push_back(record_of(sandbox));
  }
  for (const cri::Container& container : list.containers()) {
    const auto sandbox = by_id.find(container.pod_sandbox_id());
    if (sandbox == by_id.end()) continue;
    ContainerRecord record = record_of(*sandbox->second);
    record.id = container.id();
    record.sandbox = false;
    record.container = container.metadata().name();
    record.image = image_of(container.image());
    record.image_digest = container.image_ref();
    record.started_at = static_cast<double>(container.created_at()) / kNanosecondsPerSecond;
    add_labels(container.labels(), record.labels);
    records.push_back(std::move(record));
  }
  return records;
}

Result<void> add_cri_status(std::string_view status, ContainerRecord& record) {
  cri::ContainerStatusResponse response;
  if (!parse(response, status))
    return fail(ErrorCode::kInvalid, "the status of a container is no message of CRI");
  const cri::ContainerStatus& told = response.status();
  if (told.started_at() > 0)
    record.started_at = static_cast<double>(told.started_at()) / kNanosecondsPerSecond;
  if (std::string image = image_of(told.image()); !image.empty()) record.image = std::move(image);
  if (!told.image_ref().empty()) record.image_digest = told.image_ref();
  return {};
}

}  // namespace sonde::identity
