#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "identity/runtime_socket.h"

namespace sonde::identity {

/// A runtime with the Docker Engine API: dockerd, and Podman's service.
std::unique_ptr<RuntimeSocket> make_docker_socket(const std::string& path, Runtime runtime);

/// Reads the reply to GET /containers/json: the containers, those of Kubernetes's pods too. Entries that tell
/// no id or name are left out. Errors: kInvalid. Source: Docker Engine API 1.24, ContainerList.
Result<std::vector<ContainerRecord>> parse_docker_list(std::string_view json);

/// Adds the start time from the reply to GET /containers/ID/json. Errors: kInvalid.
Result<void> add_docker_details(std::string_view json, ContainerRecord& record);

}  // namespace sonde::identity
