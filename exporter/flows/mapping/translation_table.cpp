#include "exporter/flows/mapping/translation_table.h"

namespace sonde::exporter {
namespace {

Tuple sent_by_local(const FlowView& view) {
  return {.source = view.local, .destination = view.remote, .protocol = view.protocol};
}

}  // namespace

TranslationTable::TranslationTable(std::span<const TranslatedConnection> connections)
    : connections_(connections.size()) {
  beyond_.reserve(2 * connections.size());
  inside_.reserve(2 * connections.size());
  for (const TranslatedConnection& connection : connections) {
    const Tuple& original = connection.original;
    const Tuple& reply = connection.reply;
    // For who began it, and for who answers: both may be containers of this node.
    add({original.source, original.destination, original.protocol},
        {reply.destination, reply.source, original.protocol});
    add({reply.source, reply.destination, reply.protocol},
        {original.destination, original.source, reply.protocol});
  }
}

void TranslationTable::add(const FlowView& inside, const FlowView& outside) {
  const auto insert = [](Views& views, const FlowView& from, const FlowView& to) {
    const auto [known, fresh] = views.try_emplace(sent_by_local(from), Known{.other = to});
    if (!fresh && known->second.other != to) known->second.ambiguous = true;
  };
  insert(beyond_, inside, outside);
  insert(inside_, outside, inside);
}

std::optional<FlowView> TranslationTable::find(const Views& views, const FlowView& view) {
  const auto known = views.find(sent_by_local(view));
  if (known == views.end() || known->second.ambiguous) return std::nullopt;
  return known->second.other;
}

std::optional<FlowView> TranslationTable::beyond(const FlowView& at_container) const {
  return find(beyond_, at_container);
}

std::optional<FlowView> TranslationTable::at_container(const FlowView& beyond) const {
  return find(inside_, beyond);
}

}  // namespace sonde::exporter
