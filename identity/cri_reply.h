#pragma once

#include <string_view>
#include <vector>

#include "common/result.h"
#include "identity/container_record.h"

/// Replies of a CRI runtime (identity/proto/cri.proto) as records. Bytes from outside: whatever they are, the
/// answer is records or an error.
namespace sonde::identity {

/// Joins the serialised ListPodSandboxResponse and ListContainersResponse: the containers, and the sandboxes
/// themselves. A container whose sandbox is not listed is left out: it has no pod's name.
/// Errors: kInvalid where one is no such message.
Result<std::vector<ContainerRecord>> parse_cri_lists(std::string_view sandboxes, std::string_view containers);

/// Adds image, its digest and the start time from a serialised ContainerStatusResponse. Errors: kInvalid.
Result<void> add_cri_status(std::string_view status, ContainerRecord& record);

}  // namespace sonde::identity
