#include "inject/fault.h"

namespace sonde::inject {

std::string Fault::doubt(std::chrono::milliseconds /*duration*/,
                         std::chrono::milliseconds /*proof_timeout*/) const {
  return "";
}

Result<void> Fault::set_level(double level) {
  if (level == 1) return {};
  return fail(ErrorCode::kUnsupported, "the fault is either there or not");
}

}  // namespace sonde::inject
