#include "analyzer/source/held_reply.h"

#include <algorithm>
#include <string>

#include "analyzer/source/tidy_samples.h"
#include "analyzer/source/utf8.h"

namespace sonde::analyzer {
namespace {

/// Name sorts first, then value: equal to the order of LabelSet. Of a repeated name the last counts and an
/// empty value is none, as in LabelSet; so equal sets become equal ranges.
void canonicalise(std::vector<LabelView>& labels) {
  sort_by_name(labels, [](const LabelView& label) { return label.name; });
  size_t kept = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool last_of_its_name = i + 1 == labels.size() || labels[i + 1].name != labels[i].name;
    if (last_of_its_name && !labels[i].value.empty()) labels[kept++] = labels[i];
  }
  labels.resize(kept);
}

LabelSet to_label_set(std::span<const LabelView> labels) {
  std::vector<LabelSet::Pair> pairs;
  pairs.reserve(labels.size());
  for (const LabelView& label : labels) pairs.emplace_back(label.name, label.value);
  return LabelSet(std::move(pairs));
}

tl::unexpected<Fault> over_budget(const std::string& what, uint64_t limit) {
  return fault(FaultKind::kTooLarge, "the reply exceeds the budget of " + std::to_string(limit) + " " + what +
                                         " for one read: ask for fewer series or a shorter window");
}

}  // namespace

Outcome<void> HeldReply::add(size_t selector, std::vector<LabelView>& labels,
                             std::span<const SamplePart> parts) {
  canonicalise(labels);
  for (const SamplePart& part : parts) samples_ += part.samples;
  if (samples_ > budget_.samples) return over_budget("samples", budget_.samples);

  const bool continues = !pieces_.empty() && pieces_.back().selector == selector &&
                         std::ranges::equal(this->labels(pieces_.back()), labels);
  if (!continues) {
    if (Outcome<void> checked = check_labels(selector, labels); !checked) return checked;
    // Vectors that double hold up to twice what is in them.
    if (!meter_.take(2 * (sizeof(Piece) + labels.size() * sizeof(LabelView)))) {
      return over_budget("bytes of memory", meter_.limit_bytes());
    }
    pieces_.push_back({selector, labels_.size(), labels.size(), parts_.size(), 0});
    labels_.insert(labels_.end(), labels.begin(), labels.end());
    if (pieces_.size() > budget_.series) return over_budget("series", budget_.series);
  }
  if (!meter_.take(2 * parts.size_bytes())) return over_budget("bytes of memory", meter_.limit_bytes());
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  pieces_.back().parts += parts.size();
  return {};
}

Outcome<void> HeldReply::check_labels(size_t selector, std::span<const LabelView> labels) const {
  for (const LabelView& label : labels) {
    if (!is_utf8(label.name) || !is_utf8(label.value)) {
      return fault(FaultKind::kMalformed, "the reply holds a label that is not UTF-8");
    }
  }
  if (selector >= query_.selectors.size()) {
    return fault(FaultKind::kMalformed,
                 "the reply answers selector number " + std::to_string(selector) + ", which was not asked");
  }
  for (const Matcher& matcher : query_.selectors[selector]) {
    if (matcher.kind != Matcher::Kind::kEqual) continue;
    const auto found = std::ranges::find(labels, std::string_view(matcher.name), &LabelView::name);
    if ((found == labels.end() ? std::string_view() : found->value) == matcher.value) continue;
    return fault(FaultKind::kMalformed,
                 "the reply holds a series that was not asked for: " + to_label_set(labels).text() +
                     " is not " + matcher.name + "=\"" + matcher.value + "\"");
  }
  return {};
}

void HeldReply::sort_pieces() {
  const auto by_labels = [this](const Piece& left, const Piece& right) {
    const auto order = std::lexicographical_compare_three_way(labels(left).begin(), labels(left).end(),
                                                              labels(right).begin(), labels(right).end());
    return order < 0 || (order == 0 && left.first_part < right.first_part);  // as they came
  };
  if (!std::ranges::is_sorted(pieces_, by_labels)) std::ranges::sort(pieces_, by_labels);
}

template <class Visit>
bool HeldReply::for_each_series(Visit visit) const {
  std::vector<Piece> series;
  for (size_t begin = 0; begin < pieces_.size();) {
    series.clear();
    size_t end = begin;
    for (; end < pieces_.size() && std::ranges::equal(labels(pieces_[begin]), labels(pieces_[end])); ++end) {
      // A series that several selectors match comes once for each, with the same samples.
      if (pieces_[end].selector == pieces_[begin].selector) series.push_back(pieces_[end]);
    }
    if (!visit(std::span<const Piece>(series))) return false;
    begin = end;
  }
  return true;
}

size_t HeldReply::count_samples(std::span<const Piece> series) const {
  size_t count = 0;
  for (const Piece& piece : series) {
    for (size_t p = 0; p < piece.parts; ++p) count += parts_[piece.first_part + p].samples;
  }
  return count;
}

bool HeldReply::decode_series(std::span<const Piece> series, PartDecoder decode,
                              std::span<Sample> out) const {
  for (const Piece& piece : series) {
    for (size_t p = 0; p < piece.parts; ++p) {
      const SamplePart& part = parts_[piece.first_part + p];
      if (!decode(part, out.first(part.samples))) return false;
      out = out.subspan(part.samples);
    }
  }
  return true;
}

Outcome<void> HeldReply::deliver(PartDecoder decode, ReadStats& stats, const SeriesSink& sink) {
  sort_pieces();
  for_each_series([&](std::span<const Piece> series) {
    largest_series_ = std::max(largest_series_, count_samples(series));
    return true;
  });
  if (!meter_.take(largest_series_ * sizeof(Sample))) {
    return over_budget("bytes of memory", meter_.limit_bytes());
  }
  const auto room = std::make_unique_for_overwrite<Sample[]>(largest_series_);
  const auto decoded = [&](std::span<const Piece> series) {
    return std::span<Sample>(room.get(), count_samples(series));
  };

  bool in_order = true;
  const bool sound = for_each_series([&](std::span<const Piece> series) {
    if (!decode_series(series, decode, decoded(series))) return false;
    in_order = in_order && strictly_ascending(decoded(series));
    return true;
  });
  if (!sound) return fault(FaultKind::kMalformed, "the reply holds samples that cannot be decoded");
  if (!in_order && !meter_.take(largest_series_ * kTidyBytesPerSample)) {
    return over_budget("bytes of memory", meter_.limit_bytes());
  }

  for_each_series([&](std::span<const Piece> series) {
    const std::span<Sample> samples = decoded(series);
    if (!decode_series(series, decode, samples)) return false;  // not reached: verified above
    TidyCounts counts;
    const std::span<const Sample> kept = tidy_samples(samples, query_.start_ms, query_.end_ms, counts);
    stats.duplicate_samples += counts.duplicates;
    stats.clipped_samples += counts.clipped;
    if (kept.empty()) return true;
    ++stats.series;
    stats.samples += kept.size();
    sink(to_label_set(labels(series.front())), kept);
    return true;
  });
  return {};
}

}  // namespace sonde::analyzer
