#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "analyzer/source/source_status.h"
#include "common/result.h"

namespace sonde::analyzer {

/// Why a read failed, finer than an Error: what is counted, and what decides about the fallback.
struct Fault {
  FaultKind kind = FaultKind::kMalformed;
  std::string message;
  int http_status = 0;  ///< of the answer, 0 where there was none
};

/// Either a T or a Fault; a Result within this folder.
template <class T>
class [[nodiscard]] Outcome : public tl::expected<T, Fault> {
 public:
  using tl::expected<T, Fault>::expected;
};

inline tl::unexpected<Fault> fault(FaultKind kind, std::string message) {
  return tl::unexpected<Fault>(Fault{kind, std::move(message), 0});
}

/// The Error that a caller of Source::read sees.
Error to_error(const Fault& fault);

}  // namespace sonde::analyzer
