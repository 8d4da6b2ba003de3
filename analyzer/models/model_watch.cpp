#include "analyzer/models/model_watch.h"

#include <utility>

#include "common/log.h"

namespace sonde::analyzer {

std::shared_ptr<const StoredModel> ModelWatch::current() {
  const std::lock_guard lock(watch_mutex_);
  Result<std::vector<ModelFile>> files = list_models(folder_);
  const std::string trouble = files ? "" : files.error().message;
  if (trouble != trouble_ && !trouble.empty()) {
    log::warning("no model to tell faults by", {{"reason", trouble}});
  }
  trouble_ = trouble;
  if (!files || (looked_ && *files == files_)) return stored_;
  Result<StoredModel> loaded = load_model(folder_, objection_);
  if (!loaded) return stored_;
  files_ = std::move(*files);
  looked_ = true;
  for (const std::string& line : loaded->refused) {
    log::error("a model is refused, the one before it is used", {{"reason", line}});
  }
  if (loaded->model) {
    log::info("model loaded", {{"file", loaded->file},
                               {"rows", loaded->model->rows},
                               {"features", loaded->model->features.size()},
                               {"classes", loaded->model->classes.size()}});
  } else {
    log::warning("no model to tell faults by", {{"reason", folder_ + ": holds none that can be used"}});
    if (stored_->model) return stored_;  // what is in memory is still good
  }
  stored_ = std::make_shared<const StoredModel>(std::move(*loaded));
  return stored_;
}

}  // namespace sonde::analyzer
