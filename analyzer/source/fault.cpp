#include "analyzer/source/fault.h"

namespace sonde::analyzer {
namespace {

struct KindRow {
  FaultKind kind;
  std::string_view name;
  ErrorCode code;
};

/// In the order of FaultKind.
constexpr KindRow kKinds[kFaultKinds] = {
    {FaultKind::kConnect, "connect", ErrorCode::kUnavailable},
    {FaultKind::kTimeout, "timeout", ErrorCode::kTimeout},
    {FaultKind::kTls, "tls", ErrorCode::kUnavailable},
    {FaultKind::kUnauthorized, "unauthorized", ErrorCode::kPermission},
    {FaultKind::kRejected, "rejected", ErrorCode::kInvalid},
    {FaultKind::kSampleLimit, "sample_limit", ErrorCode::kLimit},
    {FaultKind::kServerError, "server_error", ErrorCode::kUnavailable},
    {FaultKind::kRedirect, "redirect", ErrorCode::kUnavailable},
    {FaultKind::kContentType, "content_type", ErrorCode::kUnsupported},
    {FaultKind::kTruncated, "truncated", ErrorCode::kUnavailable},
    {FaultKind::kChecksum, "checksum", ErrorCode::kUnavailable},
    {FaultKind::kMalformed, "malformed", ErrorCode::kUnavailable},
    {FaultKind::kTooLarge, "too_large", ErrorCode::kLimit},
    {FaultKind::kBusy, "busy", ErrorCode::kTimeout},
};

constexpr bool rows_are_in_order() {
  for (size_t i = 0; i < kFaultKinds; ++i) {
    if (static_cast<size_t>(kKinds[i].kind) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

}  // namespace

std::string_view fault_name(FaultKind kind) {
  return kKinds[static_cast<size_t>(kind)].name;
}

Error to_error(const Fault& fault) {
  return {kKinds[static_cast<size_t>(fault.kind)].code, fault.message};
}

}  // namespace sonde::analyzer
