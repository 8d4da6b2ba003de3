#include "analyzer/source/samples_reply.h"

#include <snappy-sinksource.h>
#include <snappy.h>

#include <string>

#include "analyzer/source/chunked_reply.h"
#include "analyzer/source/wire_reader.h"

namespace sonde::analyzer {
namespace {

/// TimeSeries: labels = 1, samples = 2, exemplars = 3, histograms = 4.
constexpr uint32_t kLabelsField = 1;
constexpr uint32_t kSamplesField = 2;
constexpr uint32_t kHistogramsField = 4;

/// Lets Snappy eat the buffer block by block.
class BufferSource : public snappy::Source {
 public:
  explicit BufferSource(BlockBuffer& buffer) : buffer_(buffer) {}

  [[nodiscard]] size_t Available() const override {
    return buffer_.size();
  }  // NOLINT(readability-identifier-naming)
  const char* Peek(size_t* length) override {  // NOLINT(readability-identifier-naming)
    const std::span<const uint8_t> front = buffer_.front();
    *length = front.size();
    return reinterpret_cast<const char*>(front.data());
  }
  void Skip(size_t count) override { buffer_.skip(count); }  // NOLINT(readability-identifier-naming)

 private:
  BlockBuffer& buffer_;
};

bool read_sample(std::span<const uint8_t> message, Sample& sample) {
  WireReader reader(message);
  sample = {};
  for (WireField field; reader.next(field);) {
    if (field.number == 1 && field.type == WireField::kFixed64) sample.value = field.as_double();
    if (field.number == 2 && field.type == WireField::kVarint) {
      sample.timestamp_ms = static_cast<int64_t>(field.value);
    }
  }
  return !reader.failed();
}

/// The samples of a whole TimeSeries message.
bool decode_part(const SamplePart& part, std::span<Sample> out) {
  size_t count = 0;
  WireReader reader(part.bytes);
  for (WireField field; reader.next(field);) {
    if (field.number != kSamplesField || field.type != WireField::kBytes) continue;
    if (count == out.size() || !read_sample(field.bytes, out[count])) return false;
    ++count;
  }
  return !reader.failed() && count == out.size();
}

tl::unexpected<Fault> malformed(const char* message_name) {
  return fault(FaultKind::kMalformed, std::string("the reply holds a malformed ") + message_name);
}

}  // namespace

Outcome<void> SamplesReply::take(std::span<const uint8_t> bytes) {
  if (compressed_.append(bytes)) return {};
  return fault(FaultKind::kTooLarge, "the reply exceeds the budget of " +
                                         std::to_string(meter_.limit_bytes()) +
                                         " bytes of memory for one read");
}

Outcome<void> SamplesReply::finish(ReadStats& stats, const SeriesSink& sink) {
  if (Outcome<void> done = uncompress(); !done) return done;
  if (Outcome<void> done = take_response(); !done) return done;
  stats.skipped_histogram_chunks += histograms_;
  return held_.deliver(decode_part, stats, sink);
}

Outcome<void> SamplesReply::uncompress() {
  const std::span<const uint8_t> front = compressed_.front();
  if (!snappy::GetUncompressedLength(reinterpret_cast<const char*>(front.data()), front.size(),
                                     &message_size_)) {
    return fault(FaultKind::kMalformed, "the reply is not a Snappy block");
  }
  if (!meter_.take(message_size_)) {
    return fault(FaultKind::kTooLarge, "the reply declares " + std::to_string(message_size_) +
                                           " bytes uncompressed, beyond the budget of " +
                                           std::to_string(meter_.limit_bytes()) + " for one read");
  }
  message_ = std::make_unique_for_overwrite<uint8_t[]>(message_size_);
  BufferSource source(compressed_);
  if (!snappy::RawUncompress(&source, reinterpret_cast<char*>(message_.get()))) {
    return fault(FaultKind::kMalformed, "the Snappy block of the reply is corrupt or cut short");
  }
  return {};
}

Outcome<void> SamplesReply::take_response() {
  size_t selector = 0;  // one result for each, in their order
  WireReader reader({message_.get(), message_size_});
  for (WireField field; reader.next(field);) {
    if (field.number != 1 || field.type != WireField::kBytes) continue;
    if (Outcome<void> result = take_result(field.bytes, selector); !result) return result;
    ++selector;
  }
  if (reader.failed()) return malformed("ReadResponse");
  return {};
}

Outcome<void> SamplesReply::take_result(std::span<const uint8_t> message, size_t selector) {
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number != 1 || field.type != WireField::kBytes) continue;
    if (Outcome<void> series = take_series(field.bytes, selector); !series) return series;
  }
  if (reader.failed()) return malformed("QueryResult");
  return {};
}

Outcome<void> SamplesReply::take_series(std::span<const uint8_t> message, size_t selector) {
  labels_.clear();
  uint32_t samples = 0;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.type != WireField::kBytes) continue;
    if (field.number == kLabelsField) {
      if (!read_label(field.bytes, labels_)) return malformed("Label");
    } else if (field.number == kSamplesField) {
      ++samples;
    } else if (field.number == kHistogramsField) {
      ++histograms_;
    }
  }
  if (reader.failed()) return malformed("TimeSeries");
  const SamplePart part{message, samples};
  return held_.add(selector, labels_, {&part, 1});
}

}  // namespace sonde::analyzer
