#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/models/model.h"
#include "common/result.h"

namespace sonde::analyzer {

/// Generations of models that a folder keeps: such as can be used; a damaged file between them is none.
inline constexpr size_t kKeptGenerations = 3;

/// A model as it lies in a folder of models.
struct StoredModel {
  std::shared_ptr<const Model> model;  ///< null where no file could be used
  std::string file;                    ///< its path
  uint64_t generation = 0;
  std::vector<std::string> refused;  ///< newer files that could not be used: a line for each
};

/// A model file of a folder, as it looks from outside.
struct ModelFile {
  std::string path;
  uint64_t generation = 0;
  uint64_t inode = 0;
  int64_t modified_ns = 0;
  int64_t bytes = 0;

  friend bool operator==(const ModelFile&, const ModelFile&) = default;
};

/// The folder's model files, the newest generation first. Errors: kNotFound, kPermission, naming the folder.
Result<std::vector<ModelFile>> list_models(const std::string& folder);

/// Writes the folder's next generation, `model-000002.sonde`; makes the folder where there is none. The file
/// appears whole or not at all, also when the machine loses power; generations beyond kKeptGenerations go.
/// Writers of one folder wait for each other. Returns the path. Errors: kPermission, kUnavailable, naming it.
Result<std::string> save_model(const std::string& folder, const Model& model);

/// Why a good model is of no use to whoever loads it, in words that go on after its name; "": it is of use.
using ModelObjection = std::function<std::string(const Model&)>;

/// The newest generation that can be used: where a file is refused (changed, cut off, of another version, of
/// no use) the one before it. Errors: as list_models().
Result<StoredModel> load_model(const std::string& folder, const ModelObjection& objection = {});

}  // namespace sonde::analyzer
