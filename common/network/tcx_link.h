#pragma once

#include <cstdint>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde {

/// Which of an interface's packets a program of tc sees: those that it receives or those that it sends.
enum class Direction { kIngress, kEgress };

/// Where a program stands among those of others at the same place.
enum class TcxOrder { kFirst, kLast };

/// Attaches a loaded program (SEC("tc"), by its descriptor) to an interface of the calling thread's network
/// namespace by a tcx link: the program goes with the last descriptor of the link, however that ends. Nothing
/// with errno where it fails: EINVAL on kernels before 6.6, ENODEV where there is no such interface.
FileDescriptor create_tcx_link(uint32_t interface, Direction direction, int program, TcxOrder order);

/// Whether the kernel has such links (6.6 and later). Errors: kPermission, kUnsupported where it takes no
/// programs of tc at all.
Result<bool> has_tcx_links();

}  // namespace sonde
