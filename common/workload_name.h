#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace sonde {

/// The labels that a runtime knows of a pod or a container.
using RuntimeLabels = std::map<std::string, std::string, std::less<>>;

/// The workload that a pod belongs to, from its name alone: a Deployment's `-<hash>-xxxxx`, a DaemonSet's
/// `-xxxxx`, a StatefulSet's `-N` and a CronJob's `-<minute>-xxxxx` are taken off. Kubernetes draws hashes
/// and suffixes from the 27 letters and digits `bcdfghjklmnpqrstvwxz2456789`, which few words consist of.
/// Source: k8s.io/apimachinery/pkg/util/rand.
std::string workload_of_pod(std::string_view pod);

/// The same with what the pod's labels say of its controller, which leaves no doubt: pod-template-hash
/// (Deployment), statefulset.kubernetes.io/pod-name, controller-revision-hash (DaemonSet), job-name (Job; the
/// CronJob that made it). A static pod, which has none of them, ends in the name of its node. Without any of
/// these the name is the workload: it is a pod of its own.
std::string workload_of_pod(std::string_view pod, const RuntimeLabels& labels, std::string_view node);

/// The workload of a container that is in no pod: the service of Compose, Swarm or Podman's systemd unit by
/// its labels, else its name without a trailing `-N` or `_N`.
std::string workload_of_container(std::string_view container, const RuntimeLabels& labels);

}  // namespace sonde
