#pragma once

#include <string>
#include <string_view>

namespace sonde::analyzer {

/// The workload that a pod belongs to, from its name alone: a Deployment's `-<hash>-xxxxx`, a DaemonSet's
/// `-xxxxx` and a StatefulSet's `-N` are taken off. Kubernetes draws hashes and suffixes from the 27 letters
/// and digits `bcdfghjklmnpqrstvwxz2456789`, which few words consist of.
/// Source: k8s.io/apimachinery/pkg/util/rand.
std::string workload_of_pod(std::string_view pod);

}  // namespace sonde::analyzer
