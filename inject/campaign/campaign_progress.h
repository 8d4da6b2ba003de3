#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/clock.h"

namespace sonde::inject {

/// Shows a person how far a campaign is: on a terminal one line that is written over, else nothing, as the
/// log has a line for each injection. Threads: one.
class CampaignProgress {
 public:
  CampaignProgress(size_t injections, std::chrono::milliseconds duration);
  ~CampaignProgress();
  CampaignProgress(const CampaignProgress&) = delete;
  CampaignProgress& operator=(const CampaignProgress&) = delete;

  /// `left`: until the campaign's end as planned.
  void show(size_t ended, std::chrono::milliseconds left, std::string_view what);
  /// Takes the line away, before something else is written.
  void clear();

 private:
  size_t injections_;
  std::chrono::milliseconds duration_;
  bool terminal_;
};

/// "[#####.....]  12 of 24, 0:31:05 left: cpu in service=api", within `width` columns.
std::string progress_line(size_t ended, size_t injections, double share, std::chrono::milliseconds left,
                          std::string_view what, size_t width);

}  // namespace sonde::inject
