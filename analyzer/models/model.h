#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/algorithms/classifier.h"
#include "analyzer/algorithms/standardiser.h"
#include "common/result.h"

namespace sonde::analyzer {

/// What was learnt from a table of labelled rows, and all that is needed to tell the class of another row.
/// Immutable once made, so threads may share it.
struct Model {
  struct Learnt {
    const ClassifierKind* kind = nullptr;
    std::unique_ptr<Classifier> classifier;
  };

  std::vector<std::string> features;  ///< names, in the order of a row
  std::vector<std::string> classes;   ///< labels, sorted
  Standardiser standardiser;          ///< brings a row to the scale that was learnt at
  Standardiser normal;                ///< where rows without a fault lie; without columns: not known
  std::vector<Learnt> learnt;
  int64_t trained_ms = 0;  ///< Unix time
  uint64_t rows = 0;       ///< learnt from

  /// The classifier of that name; null where this model has none.
  [[nodiscard]] const Classifier* find(std::string_view name) const;
};

/// The version of the format below. Any change of what a classifier saves raises it.
inline constexpr uint32_t kModelFormat = 2;
/// Of a model file; a larger one is refused before it is read.
inline constexpr size_t kMostModelBytes = size_t{1} << 30;

/// A model as bytes: "SONDEMDL", format version, length of the body, the body (names, scale, parameters of
/// each classifier), and the SHA-256 of all that. Numbers little-endian.
std::string encode_model(const Model& model);

/// Reads them back: answers with the same bits as the model that was encoded. Errors: kUnsupported for
/// another format version; kInvalid for what is no model, cut off or changed in any bit; in words, without a
/// name.
Result<Model> decode_model(std::string_view bytes);

}  // namespace sonde::analyzer
