#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "identity/container_record.h"

/// Reading JSON from outside: what is missing or of another type is taken as empty.
namespace sonde::identity {

using Json = nlohmann::json;

/// A discarded value for what is no JSON. Neither the parser nor the destructor recurses.
Json parse_json(std::string_view text);
/// A member of an object; a null value where there is none.
const Json& member(const Json& object, const char* key);
/// A string; "" for any other value.
std::string text_of(const Json& value);
/// The members of an object that are strings.
RuntimeLabels labels_of(const Json& object);
/// The value of a label; "" where there is none.
std::string value_of(const RuntimeLabels& labels, const char* name);

/// The Unix time of a string such as "2026-11-25T08:00:00.123456789Z", to the second; 0 for any other.
double time_of(const Json& value);

/// Completes the record of a container that Docker runs from its labels: kubelet says in them what it is. The
/// slash that Docker's names begin with is taken off.
void name_docker_container(ContainerRecord& record);

}  // namespace sonde::identity
