#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "analyzer/pipeline/metric_mapper.h"
#include "analyzer/source/source.h"
#include "analyzer/training/build_dataset.h"
#include "common/result.h"

namespace sonde::analyzer {

/// Flags that say what is read of which Prometheus, as they were written.
struct ReadFlags {
  std::string config_file;
  std::string url;
  std::string from;  ///< "": not given
  std::string to = "now";
  std::string step;
  std::string settle = "10s";
  double presence = 0.9;
  std::string name_space;
};

void add_read_flags(CLI::App& app, ReadFlags& flags);

/// Reads what the flags say. Errors: kInvalid, naming the flag or the key of the configuration and the
/// remedy; those of build_dataset().
Result<Dataset> read_dataset(const ReadFlags& flags);

}  // namespace sonde::analyzer
