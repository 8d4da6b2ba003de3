#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/http/access/file_stamp.h"
#include "common/http/access/tls_context.h"
#include "common/http/access/web_config.h"
#include "common/result.h"

namespace sonde::http {

/// A configuration with the files it names read.
struct LoadedWebConfig {
  WebConfig config;
  std::shared_ptr<const TlsContext> tls;  ///< null: plain HTTP
};

/// The configuration file of a server, read again when it or a file that it names changes.
///
/// A change counts once it is a second old, as it may be half written until then. One that is wrong is logged
/// and what was there before stays, as it does where TLS or passwords as such would come or go: that takes a
/// restart. Threads: safe.
class LiveWebConfig {
 public:
  /// Reads file and certificates. `settled`: how old a change must be. Errors: one line: --web.config.file=…,
  /// or file, line, key and remedy.
  static Result<std::unique_ptr<LiveWebConfig>> open(const std::string& file,
                                                     std::chrono::seconds settled = std::chrono::seconds(1));

  /// The configuration of now. Costs a stat(2) of each file.
  std::shared_ptr<const LoadedWebConfig> current();

 private:
  struct Attempt;
  static Attempt load(const std::string& file);

  LiveWebConfig(std::string file, std::chrono::seconds settled, Attempt first);
  [[nodiscard]] bool changed_for_good();

  const std::string file_;
  const std::chrono::seconds settled_;
  std::mutex mutex_;  // guards all below
  std::shared_ptr<const LoadedWebConfig> loaded_;
  std::vector<FileStamp> read_;  // the files as they were when they were read
  std::vector<FileStamp> seen_;  // as they were when they were last found changed
  SteadyTime seen_since_;
};

}  // namespace sonde::http
