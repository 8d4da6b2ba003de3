#include "exporter/bpf_cgroup_events.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "bpf/cgroup_events.h"
#include "bpf/cgroup_events.skel.h"
#include "bpf/errors.h"
#include "exporter/bpf_program.h"

namespace sonde::exporter {
namespace {

struct RingCloser {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

CgroupEvent::Kind kind_of(uint32_t kind) {
  switch (kind) {
    case SONDE_CGROUP_MKDIR:
      return CgroupEvent::Kind::kCreated;
    case SONDE_CGROUP_RMDIR:
      return CgroupEvent::Kind::kRemoved;
    default:
      return CgroupEvent::Kind::kPopulated;
  }
}

class CgroupEvents final : public BpfCgroupEvents {
 public:
  explicit CgroupEvents(std::unique_ptr<BpfObject> object) : object_(std::move(object)) {
    ring_.reset(ring_buffer__new(object_->map_descriptor("events"), &CgroupEvents::handle, this, nullptr));
  }

  [[nodiscard]] bool ready() const { return ring_ != nullptr; }

  Result<int> poll(const std::function<void(const CgroupEvent&)>& on_event) override {
    on_event_ = &on_event;
    const int handled = ring_buffer__consume(ring_.get());
    on_event_ = nullptr;
    if (handled < 0) {
      return fail(ErrorCode::kUnavailable, std::string("reading cgroup events: ") + std::strerror(-handled));
    }
    return handled;
  }

  [[nodiscard]] int descriptor() const override { return ring_buffer__epoll_fd(ring_.get()); }

  [[nodiscard]] bool tells_populated() const override { return object_->has_program("populated"); }

  [[nodiscard]] uint64_t lost() const override { return object_->errors()[SONDE_ERROR_RING_FULL]; }

 private:
  static int handle(void* self, void* data, size_t size) {
    constexpr size_t kPathAt = offsetof(cgroup_event, path);
    if (size <= kPathAt) return 0;
    const auto& event = *static_cast<const cgroup_event*>(data);
    (*static_cast<CgroupEvents*>(self)->on_event_)(
        {.kind = kind_of(event.kind),
         .hierarchy_root = event.hierarchy_root,
         .cgroup_id = event.id,
         .path = std::string_view(event.path,
                                  ::strnlen(event.path, std::min(size - kPathAt, sizeof event.path)))});
    return 0;
  }

  std::unique_ptr<BpfObject> object_;
  std::unique_ptr<ring_buffer, RingCloser> ring_;
  const std::function<void(const CgroupEvent&)>* on_event_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<BpfCgroupEvents>> make_bpf_cgroup_events(BpfContext& context) {
  auto object = BpfObject::load(context, {.topic = "cgroup_events",
                                          .open = open_skeleton<cgroup_events_bpf>(),
                                          .not_wanted = {},
                                          .needed = {"mkdir", "rmdir"}});
  if (!object) return tl::unexpected<Error>(object.error());
  if (const auto attached = (*object)->attach(); !attached) return tl::unexpected<Error>(attached.error());
  auto events = std::make_unique<CgroupEvents>(std::move(*object));
  if (!events->ready()) return fail(ErrorCode::kUnavailable, "cgroup_events: no ring buffer");
  return std::unique_ptr<BpfCgroupEvents>(std::move(events));
}

}  // namespace sonde::exporter
