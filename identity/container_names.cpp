#include "identity/container_names.h"

namespace sonde::identity {

using State = NameAnswer::State;

NameAnswer ContainerNames::find(const ContainerCgroup& cgroup, SteadyTime now) {
  const auto [found, is_new] = known_.try_emplace(cgroup.id);
  Known& known = found->second;
  if (is_new) {
    known.asked_at = known.asked_last = now;
    known.source = sources_.size();
  }
  if (known.decided) return known.answer;
  const bool waited = now - known.asked_at >= kPatience;
  if (waited && now - known.asked_last < (known.asked_last - known.asked_at)) return known.answer;
  known.asked_last = now;
  if (ask(cgroup, known) && !waited) return {State::kPending, {}};
  known.decided = known.answer.state == State::kKnown;
  return known.answer;
}

NameAnswer ContainerNames::find_last(const ContainerCgroup& cgroup) {
  Known& known = known_.try_emplace(cgroup.id, Known{.source = sources_.size()}).first->second;
  if (!known.decided) ask(cgroup, known);
  return known.answer;
}

void ContainerNames::forget(const std::string& id) {
  known_.erase(id);
  for (const auto& source : sources_) source->forget(id);
}

/// Asks those that are believed more than whose answer there is; returns whether one of them is pending.
bool ContainerNames::ask(const ContainerCgroup& cgroup, Known& known) {
  bool pending = false;
  for (size_t i = 0; i < known.source; ++i) {
    NameAnswer answer = sources_[i]->find(cgroup);
    pending |= answer.state == State::kPending;
    if (answer.state != State::kKnown) continue;
    known.answer = std::move(answer);
    known.source = i;
  }
  return pending;
}

}  // namespace sonde::identity
