#pragma once

#include <string_view>
#include <vector>

#include "common/result.h"
#include "identity/container_record.h"

/// What runtimes keep of their containers in files: names without a socket. Sources: OCI runtime
/// specification (config.json), containerd's CRI plug-in and CRI-O (annotations), moby (config.v2.json),
/// containers/storage (containers.json). Bytes from outside: whatever they are, the answer is a record or an
/// error.
namespace sonde::identity {

/// Reads an OCI bundle's config.json by the annotations of containerd's CRI plug-in or of CRI-O. The id is
/// not in it. Errors: kInvalid where it is no such file, kNotFound where it is and tells no names.
Result<ContainerRecord> parse_oci_bundle(std::string_view json);

/// Reads Docker's config.v2.json, of Kubernetes's containers too. Errors: kInvalid.
Result<ContainerRecord> parse_docker_config(std::string_view json);

/// Reads Podman's containers.json: every container; entries that tell no id or name are left out.
/// Errors: kInvalid.
Result<std::vector<ContainerRecord>> parse_podman_containers(std::string_view json);

}  // namespace sonde::identity
