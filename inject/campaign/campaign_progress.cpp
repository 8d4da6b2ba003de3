#include "inject/campaign/campaign_progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sonde::inject {
namespace {

constexpr size_t kBar = 20;  // columns
constexpr size_t kUsualWidth = 80;

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualWidth;
}

}  // namespace

std::string progress_line(size_t ended, size_t injections, double share, std::chrono::milliseconds left,
                          std::string_view what, size_t width) {
  const auto filled = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * kBar);
  const auto seconds = std::max<int64_t>(0, left.count() / 1000);
  std::string line = fmt::format("[{}{}] {} of {}, {}:{:02}:{:02} left: {}", std::string(filled, '#'),
                                 std::string(kBar - filled, '.'), ended, injections, seconds / 3600,
                                 seconds / 60 % 60, seconds % 60, what);
  if (line.size() > width) line.resize(width);
  return line;
}

CampaignProgress::CampaignProgress(size_t injections, std::chrono::milliseconds duration)
    : injections_(injections), duration_(duration), terminal_(isatty(STDERR_FILENO) == 1) {}

CampaignProgress::~CampaignProgress() {
  clear();
}

void CampaignProgress::show(size_t ended, std::chrono::milliseconds left, std::string_view what) {
  if (!terminal_) return;
  const double share = duration_.count() == 0
                           ? 1
                           : 1 - static_cast<double>(left.count()) / static_cast<double>(duration_.count());
  fmt::print(stderr, "\r\x1b[K{}",
             progress_line(ended, injections_, share, left, what, terminal_width() - 1));
}

void CampaignProgress::clear() {
  if (terminal_) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace sonde::inject
