#include "analyzer/models/model.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include "analyzer/algorithms/parameters.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kMagic = "SONDEMDL";
constexpr size_t kVersionAt = kMagic.size();
constexpr size_t kLengthAt = kVersionAt + sizeof(uint64_t);
constexpr size_t kBodyAt = kLengthAt + sizeof(uint64_t);
constexpr size_t kChecksumBytes = 32;
constexpr size_t kMostFeatures = 100'000;
constexpr size_t kMostClasses = 1000;  ///< as in a table

std::string sha256(std::string_view bytes) {
  std::string sum(kChecksumBytes, '\0');
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(sum.data()), &length, EVP_sha256(),
             nullptr);
  return sum;
}

void write_names(ParameterWriter& to, const std::vector<std::string>& names) {
  to.number(names.size());
  for (const std::string& name : names) to.text(name);
}

/// Names that are there and differ; otherwise the reader refuses.
std::vector<std::string> read_names(ParameterReader& from, size_t most) {
  const uint64_t count = from.number();
  std::vector<std::string> names;
  if (count == 0 || count > most) from.refuse();
  for (uint64_t i = 0; i < count && from.good(); ++i) names.push_back(from.text());
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end() || (!sorted.empty() && sorted.front().empty())) {
    from.refuse();
  }
  return names;
}

void write_standardiser(ParameterWriter& to, const Standardiser& standardiser) {
  to.list(std::vector<double>(standardiser.means().begin(), standardiser.means().end()));
  to.list(std::vector<double>(standardiser.deviations().begin(), standardiser.deviations().end()));
}

/// `may_be_none`: it may have no columns at all.
Standardiser read_standardiser(ParameterReader& from, size_t columns, bool may_be_none) {
  std::vector<double> means = from.list<double>();
  std::vector<double> deviations = from.list<double>();
  if (may_be_none && means.empty() && deviations.empty()) return {};
  const bool possible =
      means.size() == columns && deviations.size() == columns &&
      std::ranges::all_of(means, [](double each) { return std::isfinite(each); }) &&
      std::ranges::all_of(deviations, [](double each) { return each >= 0 && std::isfinite(each); });
  if (!possible) {
    from.refuse();
    return {};
  }
  return Standardiser::of(std::move(means), std::move(deviations));
}

Result<Model> decode_body(std::string_view body) {
  ParameterReader from(body);
  const auto senseless = [] { return fail(ErrorCode::kInvalid, "holds parameters that make no sense"); };
  Model model;
  model.trained_ms = static_cast<int64_t>(from.number());
  model.rows = from.number();
  model.features = read_names(from, kMostFeatures);
  model.classes = read_names(from, kMostClasses);
  model.standardiser = read_standardiser(from, model.features.size(), false);
  model.normal = read_standardiser(from, model.features.size(), true);
  const uint64_t count = from.number();
  if (!from.good() || !std::ranges::is_sorted(model.classes) || count == 0) return senseless();
  for (uint64_t i = 0; i < count; ++i) {  // ends with the bytes
    const std::string name = from.text();
    const auto kind = std::ranges::find(classifier_kinds(), name, &ClassifierKind::name);
    if (!from.good() || kind == classifier_kinds().end() || model.find(name) != nullptr) return senseless();
    auto classifier = kind->load(from, model.features.size(), model.classes.size());
    if (!classifier) return senseless();
    model.learnt.push_back({&*kind, std::move(classifier)});
  }
  if (!from.complete()) return senseless();
  return model;
}

template <class Number>
Number number_at(std::string_view bytes, size_t place) {
  Number value = 0;
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return value;
}

}  // namespace

const Classifier* Model::find(std::string_view name) const {
  for (const Learnt& each : learnt) {
    if (each.kind->name == name) return each.classifier.get();
  }
  return nullptr;
}

std::string encode_model(const Model& model) {
  ParameterWriter body;
  body.number(static_cast<uint64_t>(model.trained_ms));
  body.number(model.rows);
  write_names(body, model.features);
  write_names(body, model.classes);
  write_standardiser(body, model.standardiser);
  write_standardiser(body, model.normal);
  body.number(model.learnt.size());
  for (const Model::Learnt& each : model.learnt) {
    body.text(each.kind->name);
    each.classifier->save(body);
  }
  ParameterWriter head;
  head.number(kModelFormat);
  head.number(body.bytes().size());
  std::string bytes = std::string(kMagic) + head.bytes() + body.bytes();
  return bytes + sha256(bytes);
}

Result<Model> decode_model(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return fail(ErrorCode::kInvalid, "is no model of sonde-analyzer");
  if (bytes.size() < kBodyAt + kChecksumBytes) return fail(ErrorCode::kInvalid, "is cut off");
  if (const auto version = number_at<uint64_t>(bytes, kVersionAt); version != kModelFormat) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("has format version {}, this sonde-analyzer reads {}", version, kModelFormat));
  }
  const auto length = number_at<uint64_t>(bytes, kLengthAt);
  if (length != bytes.size() - kBodyAt - kChecksumBytes) {
    return fail(ErrorCode::kInvalid, fmt::format("is cut off or longer than it says: {} bytes of {}",
                                                 bytes.size() - kBodyAt - kChecksumBytes, length));
  }
  const size_t signed_bytes = bytes.size() - kChecksumBytes;
  if (sha256(bytes.substr(0, signed_bytes)) != bytes.substr(signed_bytes)) {
    return fail(ErrorCode::kInvalid, "was changed since it was written: its checksum differs");
  }
  return decode_body(bytes.substr(kBodyAt, length));
}

}  // namespace sonde::analyzer
