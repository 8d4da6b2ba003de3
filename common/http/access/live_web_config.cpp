#include "common/http/access/live_web_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <utility>

#include "common/log.h"
#include "common/read_file.h"

namespace sonde::http {
namespace {

std::vector<FileStamp> stamps_now(const std::vector<FileStamp>& files) {
  std::vector<FileStamp> now;
  now.reserve(files.size());
  for (const FileStamp& file : files) now.emplace_back(file.path);
  return now;
}

/// Whether each file was last changed longer ago than that. A clock that was set back makes it false.
bool all_older(const std::vector<FileStamp>& files, std::chrono::seconds age) {
  const time_t latest = std::time(nullptr) - age.count();
  return std::ranges::all_of(files, [latest](const FileStamp& file) {
    return file.changed_seconds < latest && file.modified_seconds < latest;
  });
}

}  // namespace

/// What came of reading, and the state of the files just before.
struct LiveWebConfig::Attempt {
  Result<LoadedWebConfig> loaded;
  std::vector<FileStamp> files;
};

LiveWebConfig::Attempt LiveWebConfig::load(const std::string& file) {
  std::vector<FileStamp> files;
  files.emplace_back(file);
  const auto read = [&]() -> Result<LoadedWebConfig> {
    const auto text = read_file(file);
    if (!text) return fail(fmt::format("--web.config.file={}", file), text.error());
    auto config = parse_web_config(*text, file);
    if (!config) return tl::unexpected(config.error());
    LoadedWebConfig loaded{std::move(*config), nullptr};
    if (!loaded.config.tls) return loaded;
    TlsSettings& tls = *loaded.config.tls;
    for (const PemSource* source : {&tls.certificate, &tls.key, &tls.client_ca}) {
      if (!source->file.empty()) files.emplace_back(source->file);
    }
    auto context = TlsContext::make(tls);
    if (!context) return tl::unexpected(context.error());
    loaded.tls = std::move(*context);
    tls = loaded.tls->settings();  // a key in the configuration is not kept in clear
    return loaded;
  };
  auto loaded = read();
  return {std::move(loaded), std::move(files)};
}

LiveWebConfig::LiveWebConfig(std::string file, std::chrono::seconds settled, Attempt first)
    : file_(std::move(file)),
      settled_(settled),
      loaded_(std::make_shared<const LoadedWebConfig>(std::move(*first.loaded))),
      read_(std::move(first.files)) {}

Result<std::unique_ptr<LiveWebConfig>> LiveWebConfig::open(const std::string& file,
                                                           std::chrono::seconds settled) {
  Attempt first = load(file);
  if (!first.loaded) return tl::unexpected(first.loaded.error());
  // Its absolute path, should the process change its directory; errors name it as it was given.
  std::error_code ignored;
  const std::filesystem::path absolute = std::filesystem::absolute(file, ignored);
  return std::unique_ptr<LiveWebConfig>(
      new LiveWebConfig(absolute.empty() ? file : absolute.string(), settled, std::move(first)));
}

bool LiveWebConfig::changed_for_good() {
  std::vector<FileStamp> now = stamps_now(read_);
  if (now == read_) return false;
  if (now != seen_) {
    seen_ = std::move(now);
    seen_since_ = SteadyClock::now();
  }
  return all_older(seen_, settled_) || SteadyClock::now() - seen_since_ >= settled_;
}

std::shared_ptr<const LoadedWebConfig> LiveWebConfig::current() {
  const std::lock_guard lock(mutex_);
  if (!changed_for_good()) return loaded_;
  Attempt attempt = load(file_);
  read_ = std::move(attempt.files);
  if (!attempt.loaded) {
    log::error("the web configuration cannot be read again; what it said before stays",
               {{"error", attempt.loaded.error().message}});
    return loaded_;
  }
  const bool same_kind = (attempt.loaded->tls == nullptr) == (loaded_->tls == nullptr) &&
                         attempt.loaded->config.users.empty() == loaded_->config.users.empty();
  if (!same_kind) {
    log::error("the web configuration turns TLS or passwords on or off; that takes a restart",
               {{"file", file_}});
    return loaded_;
  }
  loaded_ = std::make_shared<const LoadedWebConfig>(std::move(*attempt.loaded));
  log::info("the web configuration was read again", {{"file", file_}});
  return loaded_;
}

}  // namespace sonde::http
