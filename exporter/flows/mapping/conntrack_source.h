#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "exporter/flows/mapping/translation_table.h"

namespace sonde::exporter {

struct ConntrackOptions {
  /// The network namespace whose connections are asked for: its name below /run/netns, or its
  /// path; "": the exporter's own.
  std::string network_namespace;
  /// Translated connections kept; further ones are counted and left out.
  size_t most_connections = 65'536;
  /// A list is used again for so long.
  SteadyClock::duration refresh = std::chrono::seconds(2);
};

/// What the lists so far held.
struct ConntrackCounts {
  uint64_t lists = 0;        ///< that were read
  uint64_t failures = 0;     ///< lists that the kernel refused or that broke off
  uint64_t malformed = 0;    ///< entries left out: not understood
  uint64_t left_out = 0;     ///< entries beyond most_connections
  size_t connections = 0;    ///< translated ones of the last list
  std::string last_failure;  ///< of the last attempt; "" where it succeeded
};

/// The kernel's list of the connections that NAT changes, asked for over ctnetlink when somebody wants to
/// know and the last list is too old. Needs CAP_NET_ADMIN. Threads: safe. Cost: one list reads every
/// translated connection of the node once, about 1 µs each.
class ConntrackSource {
 public:
  explicit ConntrackSource(ConntrackOptions options);

  /// The translations as of at most `refresh` ago; after a failure those of the last success, or none.
  std::shared_ptr<const TranslationTable> now();
  [[nodiscard]] ConntrackCounts counts() const;

 private:
  Result<void> open();
  Result<void> list(uint32_t status, std::vector<TranslatedConnection>& connections);
  Result<void> refresh();

  const ConntrackOptions options_;
  mutable std::mutex mutex_;  ///< guards what follows
  FileDescriptor socket_;
  uint32_t sequence_ = 0;
  std::optional<SteadyTime> listed_at_;
  ConntrackCounts counts_;
  std::shared_ptr<const TranslationTable> table_ = std::make_shared<const TranslationTable>();
};

}  // namespace sonde::exporter
