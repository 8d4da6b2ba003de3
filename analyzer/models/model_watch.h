#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/models/model_store.h"

namespace sonde::analyzer {

/// The newest usable model of a folder, loaded anew when the folder's files change.
///
/// Threads: safe.
class ModelWatch {
 public:
  explicit ModelWatch(std::string folder, ModelObjection objection = {})
      : folder_(std::move(folder)), objection_(std::move(objection)) {}

  /// Never null; its model is while there is none. Logs a change, and what was refused, once. Cost: a listing
  /// of the folder where nothing changed.
  std::shared_ptr<const StoredModel> current();

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  ModelObjection objection_;  ///< what this one refuses besides
  std::mutex watch_mutex_;    ///< guards what follows
  bool looked_ = false;
  std::string trouble_;           ///< why the folder could not be listed
  std::vector<ModelFile> files_;  ///< as they were when the model was loaded
  std::shared_ptr<const StoredModel> stored_ = std::make_shared<const StoredModel>();
};

}  // namespace sonde::analyzer
