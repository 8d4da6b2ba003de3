#pragma once

#include <string>

namespace sonde::identity {

/// The node's name: that of NODE_NAME in the environment, which a pod's manifest sets from spec.nodeName,
/// else this machine's host name.
std::string node_name();

}  // namespace sonde::identity
