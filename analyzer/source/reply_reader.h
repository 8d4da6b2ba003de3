#pragma once

#include <cstdint>
#include <span>

#include "analyzer/source/fault.h"
#include "analyzer/source/source.h"

namespace sonde::analyzer {

/// Takes the body of a reply as it arrives; one class for each format.
///
/// Threads: one.
class ReplyReader {
 public:
  virtual ~ReplyReader() = default;

  /// Takes the next bytes of the body. Errors: the reply is of no use.
  virtual Outcome<void> take(std::span<const uint8_t> bytes) = 0;

  /// After the last byte: verifies what came, and only then hands the series to the sink.
  virtual Outcome<void> finish(ReadStats& stats, const SeriesSink& sink) = 0;
};

}  // namespace sonde::analyzer
