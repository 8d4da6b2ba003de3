#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace sonde::inject {

/// How an injection of a campaign went.
struct InjectionOutcome {
  size_t number = 0;  ///< of the schedule, from 1
  bool proven = false;
  double began_seconds = 0;  ///< since the Unix epoch
  double ended_seconds = 0;
  std::string what;
};

/// The file that lets a campaign go on where it ended: which schedule it is, and each injection that is over.
/// One line of JSON each, appended; what a crash cut off at the end does not count.
class CampaignJournal {
 public:
  /// Reads a journal's text. Errors: kInvalid where it is none or is one of another schedule.
  static Result<std::vector<InjectionOutcome>> parse(std::string_view text, std::string_view schedule);

  /// The outcomes in a file, of which half a line at the end is cut off; none where there is no such file.
  /// Errors: as parse, with the file.
  static Result<std::vector<InjectionOutcome>> read(const std::filesystem::path& path,
                                                    std::string_view schedule);
  /// Makes the file anew. Errors: kPermission, kUnavailable.
  static Result<void> begin(const std::filesystem::path& path, std::string_view schedule);
  /// Adds one, on disk when this returns. Errors: kUnavailable.
  static Result<void> append(const std::filesystem::path& path, const InjectionOutcome& outcome);
};

}  // namespace sonde::inject
