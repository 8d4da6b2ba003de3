#include "analyzer/source/query_range_reply.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>

#include "analyzer/source/reply_text.h"

namespace sonde::analyzer {
namespace {

using nlohmann::json;

/// Lets the JSON parser eat the buffer block by block. Both ends of the input are of this type.
class BufferIterator {
 public:
  using iterator_category = std::input_iterator_tag;  // NOLINT(readability-identifier-naming)
  using value_type = char;                            // NOLINT(readability-identifier-naming)
  using difference_type = std::ptrdiff_t;             // NOLINT(readability-identifier-naming)
  using pointer = const char*;                        // NOLINT(readability-identifier-naming)
  using reference = char;                             // NOLINT(readability-identifier-naming)

  BufferIterator() = default;
  explicit BufferIterator(BlockBuffer& buffer) : buffer_(&buffer) { load(); }

  char operator*() const { return static_cast<char>(block_[at_]); }
  BufferIterator& operator++() {
    if (++at_ == block_.size()) {
      buffer_->skip(at_);
      load();
    }
    return *this;
  }
  bool operator==(const BufferIterator& other) const { return at_end() == other.at_end(); }
  bool operator!=(const BufferIterator& other) const { return !(*this == other); }

 private:
  void load() {
    block_ = buffer_->front();
    at_ = 0;
  }
  [[nodiscard]] bool at_end() const { return block_.empty(); }

  BlockBuffer* buffer_ = nullptr;
  std::span<const uint8_t> block_;
  size_t at_ = 0;
};

/// Prometheus's spelling of a value: what from_chars reads, and "+Inf".
bool read_value(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Builds the series while the answer is parsed, without a tree of it in memory.
///
/// {"status":"success","data":{"resultType":"matrix","result":[{"metric":{…},"values":[[t,"v"],…]},…]}}
class MatrixHandler : public nlohmann::json_sax<json> {
 public:
  MatrixHandler(MemoryMeter& meter, std::deque<MatrixSeries>& series) : meter_(meter), series_(series) {}

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(int64_t number) override { return timestamp(static_cast<double>(number)); }
  bool number_unsigned(uint64_t number) override { return timestamp(static_cast<double>(number)); }
  bool number_float(double number, const std::string&) override { return timestamp(number); }
  bool binary(json::binary_t&) override { return false; }

  bool string(std::string& text) override {
    switch (place()) {
      case Place::kTop:
        if (key_ == "status") status_ = text;
        if (key_ == "error") error_ = text;
        return true;
      case Place::kData:
        if (key_ == "resultType") result_type_ = text;
        return true;
      case Place::kMetric:
        if (!take_memory(2 * sizeof(LabelSet::Pair) + key_.size() + text.size())) return false;
        series_.back().labels.emplace_back(key_, text);
        return true;
      case Place::kPair:
        return take_value(text);
      case Place::kWarnings:
        warning_ = text;
        return true;
      case Place::kSeries:
      case Place::kOther:
        return true;
      default:
        return false;
    }
  }

  bool start_object(size_t) override {
    switch (place()) {
      case Place::kNothing:
        return push(Place::kTop);
      case Place::kTop:
        return push(key_ == "data" ? Place::kData : Place::kOther);
      case Place::kResult:
        if (!take_memory(2 * sizeof(MatrixSeries))) return false;
        series_.emplace_back();
        return push(Place::kSeries);
      case Place::kSeries:
        return push(key_ == "metric" ? Place::kMetric : Place::kOther);
      case Place::kData:
      case Place::kOther:
        return push(Place::kOther);
      default:
        return false;
    }
  }
  bool start_array(size_t) override {
    switch (place()) {
      case Place::kTop:
        return push(key_ == "warnings" ? Place::kWarnings : Place::kOther);
      case Place::kData:
        return push(key_ == "result" ? Place::kResult : Place::kOther);
      case Place::kSeries:
        return push(key_ == "values" ? Place::kValues : Place::kOther);
      case Place::kValues:
        fields_ = 0;
        return push(Place::kPair);
      case Place::kOther:
        return push(Place::kOther);
      default:
        return false;
    }
  }
  bool end_object() override { return pop(); }
  bool end_array() override {
    if (place() == Place::kPair && fields_ != 2) return false;
    return pop();
  }
  bool key(std::string& name) override {
    key_ = name;
    return true;
  }
  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

  /// What the answer says of itself. REQUIRES: parsing has ended, well if `parsed`.
  [[nodiscard]] Outcome<void> verdict(bool parsed) const {
    if (out_of_memory_) {
      return fault(FaultKind::kTooLarge, "the answer exceeds the budget of " +
                                             std::to_string(meter_.limit_bytes()) +
                                             " bytes of memory for one read");
    }
    if (!parsed) return fault(FaultKind::kMalformed, "the answer is not the JSON of query_range");
    if (status_ != "success") {
      return fault(FaultKind::kServerError,
                   "the server failed: " + one_line(error_.empty() ? status_ : error_));
    }
    if (!warning_.empty()) {
      return fault(FaultKind::kServerError,
                   "the server warns, its answer may be partial: " + one_line(warning_));
    }
    if (result_type_ != "matrix") return fault(FaultKind::kMalformed, "the answer holds no matrix");
    return {};
  }

 private:
  enum class Place { kNothing, kTop, kData, kResult, kSeries, kMetric, kValues, kPair, kWarnings, kOther };
  /// Deeper nesting is no answer of query_range.
  static constexpr size_t kDeepest = 64;

  [[nodiscard]] Place place() const { return places_.empty() ? Place::kNothing : places_.back(); }
  bool push(Place place) {
    places_.push_back(place);
    return places_.size() <= kDeepest;
  }
  bool pop() {
    places_.pop_back();
    return true;
  }

  /// A value that no part of the answer that we read has.
  [[nodiscard]] bool scalar() const {
    return place() == Place::kTop || place() == Place::kData || place() == Place::kSeries ||
           place() == Place::kOther;
  }

  bool timestamp(double seconds) {
    if (place() != Place::kPair) return scalar();
    constexpr double kFarthest = 1e13;  // seconds, well within int64 milliseconds
    if (fields_++ != 0 || !(std::abs(seconds) < kFarthest)) return false;
    timestamp_ms_ = std::llround(seconds * 1000);
    return true;
  }

  bool take_value(const std::string& text) {
    double value = 0;
    if (fields_++ != 1 || !read_value(text, value)) return false;
    std::vector<Sample>& samples = series_.back().samples;
    if (samples.size() == samples.capacity()) {
      const size_t room = samples.empty() ? 16 : samples.size();  // as many again
      if (!take_memory(room * sizeof(Sample))) return false;
      samples.reserve(samples.size() + room);
    }
    samples.push_back({timestamp_ms_, value});
    return true;
  }

  bool take_memory(size_t bytes) {
    out_of_memory_ = out_of_memory_ || !meter_.take(bytes);
    return !out_of_memory_;
  }

  MemoryMeter& meter_;
  std::deque<MatrixSeries>& series_;
  std::vector<Place> places_;
  std::string key_;
  int fields_ = 0;  // of the pair [t, "v"] that is read
  int64_t timestamp_ms_ = 0;
  std::string status_;
  std::string error_;
  std::string warning_;
  std::string result_type_;
  bool out_of_memory_ = false;
};

bool decode_part(const SamplePart& part, std::span<Sample> out) {
  // A series without samples has no bytes, which memcpy() must not be asked for.
  if (!part.bytes.empty()) std::memcpy(out.data(), part.bytes.data(), part.bytes.size());
  return true;
}

}  // namespace

Outcome<void> QueryRangeReply::take_answer(BlockBuffer& json_text, size_t selector) {
  const size_t before = series_.size();
  MatrixHandler handler(meter_, series_);
  const bool parsed = json::sax_parse(BufferIterator(json_text), BufferIterator(), &handler);
  if (Outcome<void> verdict = handler.verdict(parsed); !verdict) return verdict;

  std::vector<LabelView> labels;
  for (size_t i = before; i < series_.size(); ++i) {
    labels.clear();
    for (const auto& [name, value] : series_[i].labels) labels.push_back({name, value});
    const std::vector<Sample>& samples = series_[i].samples;
    const SamplePart part{{reinterpret_cast<const uint8_t*>(samples.data()), samples.size() * sizeof(Sample)},
                          static_cast<uint32_t>(samples.size())};
    if (Outcome<void> added = held_.add(selector, labels, {&part, 1}); !added) return added;
  }
  return {};
}

Outcome<void> QueryRangeReply::finish(ReadStats& stats, const SeriesSink& sink) {
  return held_.deliver(decode_part, stats, sink);
}

}  // namespace sonde::analyzer
