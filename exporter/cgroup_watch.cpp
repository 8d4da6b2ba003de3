#include "exporter/cgroup_watch.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sonde::exporter {
namespace {

/// The kernel side clips longer paths (bpf_cgroup_events.h).
constexpr size_t kClippedPath = 511;

class BpfWatch final : public CgroupWatch {
 public:
  explicit BpfWatch(std::unique_ptr<BpfCgroupEvents> events) : events_(std::move(events)) {}

  [[nodiscard]] int descriptor() const override { return events_->descriptor(); }

  bool take(const std::function<void(const CgroupEvent&)>& on_event) override {
    bool unclear = false;
    const Result<int> handled = events_->poll([&](const CgroupEvent& event) {
      if (event.path.size() >= kClippedPath) {
        unclear = true;
      } else {
        on_event(event);
      }
    });
    const uint64_t lost = events_->lost();
    return !handled || unclear || lost != std::exchange(lost_, lost);
  }
  [[nodiscard]] bool tells_populated() const override { return events_->tells_populated(); }

  void before_listing(const std::string& /*directory*/) override {}
  [[nodiscard]] bool watches_directories() const override { return false; }

 private:
  std::unique_ptr<BpfCgroupEvents> events_;
  uint64_t lost_ = 0;
};

class InotifyWatch final : public CgroupWatch {
 public:
  explicit InotifyWatch(int descriptor) : descriptor_(descriptor) {}
  ~InotifyWatch() override { close(descriptor_); }
  InotifyWatch(const InotifyWatch&) = delete;
  InotifyWatch& operator=(const InotifyWatch&) = delete;

  [[nodiscard]] int descriptor() const override { return descriptor_; }

  bool take(const std::function<void(const CgroupEvent&)>& /*on_event*/) override {
    bool changed = false;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    while (read(descriptor_, buffer.data(), buffer.size()) > 0) changed = true;
    return changed;
  }
  [[nodiscard]] bool tells_populated() const override { return false; }

  void before_listing(const std::string& directory) override {
    // Adding it again is harmless. Where the kernel's limit of watches is reached, the regular walk remains.
    inotify_add_watch(descriptor_, directory.c_str(),
                      IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
  }
  [[nodiscard]] bool watches_directories() const override { return true; }

 private:
  int descriptor_;
};

}  // namespace

std::unique_ptr<CgroupWatch> make_bpf_watch(std::unique_ptr<BpfCgroupEvents> events) {
  return std::make_unique<BpfWatch>(std::move(events));
}

Result<std::unique_ptr<CgroupWatch>> make_inotify_watch() {
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("inotify: {}", strerrordesc_np(errno)));
  }
  return std::make_unique<InotifyWatch>(descriptor);
}

}  // namespace sonde::exporter
