#include "exporter/bpf_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <numeric>
#include <utility>

#include "bpf/errors.h"
#include "common/log.h"

namespace sonde::exporter {
namespace {

constexpr std::string_view kTracepointSection = "tp_btf/";
constexpr std::string_view kFunctionSection = "fentry/";  // kept in the hook's name
constexpr std::string_view kPerfEventSection = "perf_event";
constexpr std::string_view kClassifierSection = "tc";   // of interfaces; who attaches it knows where
constexpr std::string_view kCalledSection = "syscall";  // of who runs it himself
constexpr const char* kSlotsMap = "slots";
constexpr const char* kFreeSlotsMap = "free_slots";
constexpr const char* kRecentMap = "recent";
constexpr const char* kCountsMap = "counts";
constexpr const char* kErrorsMap = "errors";

/// The last words of libbpf on this thread; they name the program and the verifier's reason.
thread_local std::string last_words;  // NOLINT(readability-identifier-naming): not a constant

int keep_words(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  constexpr size_t kKept = 4096;
  last_words += line;
  if (last_words.size() > kKept) last_words.erase(0, last_words.size() - kKept);
  return length;
}

/// Every call of libbpf that may fail runs after this, so that its words go to us instead of stderr.
void listen_to_libbpf() {
  libbpf_set_print(keep_words);
  last_words.clear();
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

bool locked_down() {
  std::ifstream file("/sys/kernel/security/lockdown");
  std::string line;
  std::getline(file, line);
  return line.find("[confidentiality]") != std::string::npos;
}

struct Refusal {
  CapabilityReason reason;
  Error error;
};

/// Why the kernel refused a load or an attach, from the negative errno that libbpf returned.
Refusal explain(std::string_view topic, int negative_errno) {
  if (negative_errno == -EPERM && locked_down()) {
    return {CapabilityReason::kLockdown,
            {ErrorCode::kPermission,
             fmt::format("{}: kernel lockdown is 'confidentiality', which forbids BPF to read kernel memory; "
                         "boot with lockdown=integrity or less",
                         topic)}};
  }
  return {CapabilityReason::kRejected,
          {ErrorCode::kUnsupported, fmt::format("{}: the kernel refused the BPF programs ({}): {}", topic,
                                                std::strerror(-negative_errno), one_line(last_words))}};
}

std::string hook_of(const bpf_program* program) {
  std::string_view section = bpf_program__section_name(program);
  if (section.starts_with(kTracepointSection)) section.remove_prefix(kTracepointSection.size());
  return std::string(section);
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Why a topic is off of whose programs only `names` can be loaded; nothing where they are enough.
std::optional<Refusal> lack_of_hooks(const BpfContext& context, const BpfObjectSource& source,
                                     const bpf_object* object, const std::vector<std::string>& names) {
  bool all_disabled = true;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string name = bpf_program__name(program);
    if (contains(names, name) || contains(source.not_wanted, name)) continue;
    const std::string hook = hook_of(program);
    const CapabilityReason reason = context.hook_reason(hook);
    all_disabled = all_disabled && reason == CapabilityReason::kDisabled;
    if (!contains(source.needed, name)) continue;
    const char* const why = reason == CapabilityReason::kDisabled
                                ? "{}: --bpf.disable-hook={} takes away what it cannot do without"
                                : "{}: this kernel lacks the tracepoint {}";
    return Refusal{reason, {ErrorCode::kUnsupported, fmt::format(fmt::runtime(why), source.topic, hook)}};
  }
  if (!names.empty()) return std::nullopt;
  if (all_disabled) {
    return Refusal{
        CapabilityReason::kDisabled,
        {ErrorCode::kUnsupported, source.topic + ": --bpf.disable-hook takes away all tracepoints it needs"}};
  }
  return Refusal{
      CapabilityReason::kNoHook,
      {ErrorCode::kUnsupported, source.topic + ": this kernel has none of the tracepoints it needs"}};
}

/// What a kernel with these hooks should take of an opened object.
std::vector<std::string> programs_for_kernel(BpfContext& context, const BpfObjectSource& source,
                                             const bpf_object* object) {
  std::vector<std::string> names;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string name = bpf_program__name(program);
    const std::string hook = hook_of(program);
    const bool needs_no_hook =
        hook == kPerfEventSection || hook == kClassifierSection || hook == kCalledSection;
    CapabilityReason reason = needs_no_hook ? CapabilityReason::kAvailable : context.hook_reason(hook);
    // Whether a function can be attached to, or only what is a tracepoint, shows at the load.
    if (hook.starts_with(kFunctionSection) && reason == CapabilityReason::kNoHook) {
      reason = CapabilityReason::kAvailable;
    }
    const bool wanted = !contains(source.not_wanted, name);
    // A hook that nobody wants is no loss where the kernel lacks it.
    if (reason == CapabilityReason::kDisabled || (wanted && reason == CapabilityReason::kNoHook)) {
      context.capabilities().set(source.topic + "." + hook, reason);
    }
    if (!wanted || reason != CapabilityReason::kAvailable) continue;
    names.push_back(name);
  }
  return names;
}

/// Opens a fresh object and loads these programs of it. Returns 0 or a negative errno.
int try_load(const BpfContext& context, const BpfObjectSource& source, const std::vector<std::string>& names,
             OpenedObject& opened) {
  listen_to_libbpf();
  opened = source.open();
  if (opened.object == nullptr) return errno == 0 ? -EINVAL : -errno;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, opened.object) {
    const bool on = contains(names, bpf_program__name(program));
    bpf_program__set_autoload(program, on);
  }
  for (const char* const name : {kSlotsMap, kFreeSlotsMap, kCountsMap}) {
    bpf_map* map = bpf_object__find_map_by_name(opened.object, name);
    if (map != nullptr) bpf_map__set_max_entries(map, context.options().max_cgroups);
  }
  return bpf_object__load(opened.object);
}

int open_page_fault_event(int cpu) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_period = 1;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

void BpfObject::LinkCloser::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

BpfObject::BpfObject(BpfContext& context, const BpfObjectSource& source, OpenedObject opened)
    : context_(context), topic_(source.topic), opened_(std::move(opened)) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, opened_.object) {
    if (bpf_program__fd(program) < 0) continue;
    Loaded& loaded = programs_.emplace_back();
    loaded.name = bpf_program__name(program);
    loaded.hook = hook_of(program);
    loaded.program = program;
    loaded.needed = contains(source.needed, loaded.name);
    loaded.held = contains(source.held, loaded.name);
  }
  if (source.announced) context_.add(*this);
}

BpfObject::~BpfObject() {
  context_.remove(*this);
}

Result<std::unique_ptr<BpfObject>> BpfObject::load(BpfContext& context, const BpfObjectSource& source) {
  CapabilityTable& capabilities = context.capabilities();
  if (const auto usable = context.usable(); !usable) {
    capabilities.set(source.topic, context.usable_reason());
    return fail(source.topic, usable.error());
  }
  OpenedObject opened = source.open();
  if (opened.object == nullptr) {
    capabilities.set(source.topic, CapabilityReason::kRejected);
    return fail(ErrorCode::kUnsupported, source.topic + ": the object is unreadable");
  }
  std::vector<std::string> names = programs_for_kernel(context, source, opened.object);
  if (const auto lack = lack_of_hooks(context, source, opened.object, names)) {
    capabilities.set(source.topic, lack->reason);
    return tl::unexpected<Error>(lack->error);
  }
  int status = try_load(context, source, names, opened);
  if (status != 0 && names.size() > 1) {
    // One bad program fails the whole object: keep those that load alone.
    const std::string first_words = last_words;
    std::vector<std::string> accepted;
    for (const std::string& name : names) {
      if (try_load(context, source, {name}, opened) == 0) accepted.push_back(name);
    }
    const bool enough = std::all_of(source.needed.begin(), source.needed.end(),
                                    [&accepted](const auto& name) { return contains(accepted, name); });
    if (!accepted.empty() && enough) status = try_load(context, source, accepted, opened);
    last_words = first_words;
  }
  if (status != 0) {
    const Refusal refusal = explain(source.topic, status);
    capabilities.set(source.topic, refusal.reason);
    return tl::unexpected<Error>(refusal.error);
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, opened.object) {
    const bool tried = contains(names, bpf_program__name(program));
    if (tried && bpf_program__fd(program) < 0) {
      capabilities.set(source.topic + "." + hook_of(program), CapabilityReason::kRejected);
      log::warning("the kernel refused one BPF program, its topic goes on without it",
                   {{"topic", source.topic}, {"program", bpf_program__name(program)}, {"words", last_words}});
    }
  }
  return std::unique_ptr<BpfObject>(new BpfObject(context, source, std::move(opened)));
}

Result<std::vector<BpfObject::Link>> BpfObject::attach_one(const Loaded& loaded) const {
  std::vector<Link> links;
  if (loaded.hook != kPerfEventSection) {
    bpf_link* link = bpf_program__attach(loaded.program);
    if (link == nullptr) return tl::unexpected<Error>(explain(topic_, -errno).error);
    links.emplace_back(link);
    return links;
  }
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const int descriptor = open_page_fault_event(cpu);
    if (descriptor < 0 && errno == ENODEV) continue;  // offline
    if (descriptor < 0) return tl::unexpected<Error>(explain(topic_, -errno).error);
    bpf_link* link = bpf_program__attach_perf_event(loaded.program, descriptor);
    if (link == nullptr) {
      const int status = -errno;
      ::close(descriptor);
      return tl::unexpected<Error>(explain(topic_, status).error);
    }
    links.emplace_back(link);  // owns the descriptor
  }
  return links;
}

Result<void> BpfObject::attach() {
  detach();
  listen_to_libbpf();
  Error last{ErrorCode::kUnsupported, topic_ + ": no program is loaded"};
  bool enough = true;
  // In reverse, and detach() forwards: the first program of an object is on for the shortest time, so that
  // whoever measures that time knows it best.
  for (auto position = programs_.rbegin(); position != programs_.rend(); ++position) {
    Loaded& loaded = *position;
    if (!loaded.links.empty()) continue;
    auto links = attach_one(loaded);
    loaded.refused = !links;
    context_.capabilities().set(topic_ + "." + loaded.hook,
                                links ? CapabilityReason::kAvailable : CapabilityReason::kRejected);
    if (!links) {
      if (enough) last = links.error();
      enough = enough && !loaded.needed;
      continue;
    }
    loaded.links = std::move(*links);
    loaded.needed = true;  // what the kernel took once and refuses later must not be missed in silence
  }
  enough = enough && std::any_of(programs_.begin(), programs_.end(),
                                 [](const Loaded& loaded) { return !loaded.held && !loaded.links.empty(); });
  context_.capabilities().set(topic_, enough ? CapabilityReason::kAvailable : CapabilityReason::kRejected);
  if (enough) return {};
  detach(true);
  return tl::unexpected<Error>(last);
}

void BpfObject::detach() {
  detach(false);
}

void BpfObject::detach(bool held_too) {
  for (Loaded& loaded : programs_) {
    if (held_too || !loaded.held) loaded.links.clear();
  }
}

size_t BpfObject::link_count() const {
  return std::accumulate(programs_.begin(), programs_.end(), size_t{0},
                         [](size_t sum, const Loaded& loaded) { return sum + loaded.links.size(); });
}

bool BpfObject::has_program(std::string_view name) const {
  return std::any_of(programs_.begin(), programs_.end(),
                     [name](const Loaded& loaded) { return loaded.name == name && !loaded.refused; });
}

int BpfObject::program_descriptor(std::string_view name) const {
  const auto found = std::find_if(programs_.begin(), programs_.end(),
                                  [name](const Loaded& loaded) { return loaded.name == name; });
  return found == programs_.end() ? -1 : bpf_program__fd(found->program);
}

int BpfObject::map_descriptor(const char* name) const {
  return bpf_object__find_map_fd_by_name(opened_.object, name);
}

uint32_t BpfObject::map_capacity(const char* name) const {
  const bpf_map* map = bpf_object__find_map_by_name(opened_.object, name);
  return map == nullptr ? 0 : bpf_map__max_entries(map);
}

SlotCounts BpfObject::counts(size_t value_size) const {
  return {{.slots = map_descriptor(kSlotsMap),
           .free_slots = map_descriptor(kFreeSlotsMap),
           .recent = map_descriptor(kRecentMap),
           .counts = map_descriptor(kCountsMap)},
          value_size,
          map_capacity(kCountsMap)};
}

std::optional<std::pair<size_t, size_t>> BpfObject::occupancy() const {
  const size_t capacity = map_capacity(kCountsMap);
  if (capacity == 0) return std::nullopt;
  return std::pair(entries_.load(), capacity);
}

std::vector<ProgramStats> BpfObject::stats() const {
  std::vector<ProgramStats> all;
  for (const Loaded& loaded : programs_) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(loaded.program), &info, &size) != 0) continue;
    all.push_back({loaded.name, info.run_time_ns, info.run_cnt, info.recursion_misses});
  }
  return all;
}

std::vector<uint64_t> BpfObject::errors() const {
  std::vector<uint64_t> counts(SONDE_ERROR_COUNT, 0);
  const int descriptor = map_descriptor(kErrorsMap);
  for (uint32_t error = 0; error < counts.size(); ++error) {
    (void)bpf_map_lookup_elem(descriptor, &error, &counts[error]);
  }
  return counts;
}

}  // namespace sonde::exporter
