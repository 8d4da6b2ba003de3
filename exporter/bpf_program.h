#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "exporter/bpf_context.h"
#include "exporter/bpf_map.h"

struct bpf_link;
struct bpf_map;
struct bpf_object;
struct bpf_program;

namespace sonde::exporter {

/// A skeleton that was opened and not loaded yet; `owner` destroys it.
struct OpenedObject {
  bpf_object* object = nullptr;
  std::shared_ptr<void> owner;
};

/// What one topic loads.
struct BpfObjectSource {
  std::string topic;                    ///< "page_faults"
  std::function<OpenedObject()> open;   ///< opens afresh at each call; an object that failed to load is spent
  std::vector<std::string> not_wanted;  ///< programs left out whatever the kernel has, by name
  std::vector<std::string> needed{};  ///< programs without which the rest of the topic is of no use, by name
  std::vector<std::string> held{};    ///< programs that detach() leaves attached, by name
  bool announced = true;              ///< false: for_each_object() leaves it out, as one more of its topic
};

/// Makes `open` of a source from a bpftool skeleton; `configure` sets its read-only data.
template <class Skeleton>
std::function<OpenedObject()> open_skeleton(std::function<void(Skeleton&)> configure = {}) {
  return [configure = std::move(configure)]() -> OpenedObject {
    Skeleton* skeleton = Skeleton::open();
    if (skeleton == nullptr) return {};
    if (configure) configure(*skeleton);
    return {skeleton->obj, std::shared_ptr<void>(skeleton, [](void* spent) {
              Skeleton::destroy(static_cast<Skeleton*>(spent));
            })};
  };
}

/// How long one program ran, as the kernel counts while kernel.bpf_stats_enabled is on.
struct ProgramStats {
  std::string name;
  uint64_t run_time_ns = 0;
  uint64_t run_count = 0;
  uint64_t recursion_misses = 0;  ///< runs left out because the program interrupted itself; counted always
};

/// One topic's programs and maps in the kernel; unloaded and detached when it goes.
///
/// Every program is optional ("SEC("?…")"): each is switched on by itself where the kernel has its hook, so a
/// kernel that lacks one keeps the rest. The capability table gets a row `<topic>.<hook>` for each.
/// Threads: attach() and detach() from one thread at a time; everything else is safe.
class BpfObject {
 public:
  /// Loads what the kernel takes. Errors: nothing, or not what is needed, could be loaded; the message says
  /// why and the remedy.
  static Result<std::unique_ptr<BpfObject>> load(BpfContext& context, const BpfObjectSource& source);

  ~BpfObject();
  BpfObject(const BpfObject&) = delete;
  BpfObject& operator=(const BpfObject&) = delete;

  /// Attaches every program that was loaded and is not attached. Errors: none, or not what is needed, could
  /// be attached; nothing is then.
  Result<void> attach();
  /// Detaches all but those that the source wants held; counts and loaded programs stay.
  void detach();

  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// Whether a program, by name, is loaded and the kernel did not refuse to attach it.
  [[nodiscard]] bool has_program(std::string_view name) const;
  /// A loaded program's descriptor, for who attaches it himself (tc); -1 where there is none of that name.
  [[nodiscard]] int program_descriptor(std::string_view name) const;
  /// How many links hold programs to hooks now.
  [[nodiscard]] size_t link_count() const;

  /// A map's descriptor; -1 where the object has none of that name.
  [[nodiscard]] int map_descriptor(const char* name) const;
  /// The counts of an object that includes bpf/lib/counts.bpf.h; `value_size` is that of SONDE_COUNTS()'s
  /// type.
  [[nodiscard]] SlotCounts counts(size_t value_size) const;

  /// Entries in the map `counts` at the last reading and how many fit; nothing for an object without that
  /// map.
  [[nodiscard]] std::optional<std::pair<size_t, size_t>> occupancy() const;
  void set_entries(size_t entries) { entries_ = entries; }

  [[nodiscard]] std::vector<ProgramStats> stats() const;
  /// Events that the programs could not count, by enum sonde_error.
  [[nodiscard]] std::vector<uint64_t> errors() const;

 private:
  [[nodiscard]] uint32_t map_capacity(const char* name) const;

  struct LinkCloser {
    void operator()(bpf_link* link) const;
  };
  using Link = std::unique_ptr<bpf_link, LinkCloser>;
  struct Loaded {
    std::string name;
    std::string hook;
    bpf_program* program = nullptr;
    bool needed = false;
    bool held = false;
    std::atomic<bool> refused{false};
    std::vector<Link> links{};
  };

  BpfObject(BpfContext& context, const BpfObjectSource& source, OpenedObject opened);
  [[nodiscard]] Result<std::vector<Link>> attach_one(const Loaded& loaded) const;
  void detach(bool held_too);

  BpfContext& context_;
  std::string topic_;
  OpenedObject opened_;
  std::deque<Loaded> programs_;  ///< an atomic cannot move
  std::atomic<size_t> entries_{0};
};

}  // namespace sonde::exporter
