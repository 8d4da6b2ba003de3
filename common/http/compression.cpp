#include "common/http/compression.h"

#include <libdeflate.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <new>

namespace sonde::http {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes the text up to the separator off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

bool is_word(std::string_view text, std::string_view lower_case_word) {
  return std::equal(text.begin(), text.end(), lower_case_word.begin(), lower_case_word.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

/// The weight among a coding's parameters, 1 without one, 0 if it is not a number.
double weight(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view parameter = take_until(parameters, ';');
    if (!is_word(take_until(parameter, '='), "q")) continue;
    double q = 0;
    std::from_chars(parameter.data(), parameter.data() + parameter.size(), q);
    return q;
  }
  return 1;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view item = take_until(accept_encoding, ',');
    const std::string_view coding = take_until(item, ';');
    if (is_word(coding, "gzip") || is_word(coding, "x-gzip")) return weight(item) > 0;
    if (coding == "*") any = weight(item) > 0;
  }
  return any;
}

std::string gzip(std::string_view bytes) {
  constexpr int kFastest = 1;
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kFastest), &libdeflate_free_compressor);
  if (!compressor) throw std::bad_alloc();
  // As large as the input, of which some tenth will be used: the rest is never touched, nor is it memory
  // then.
  const size_t bound = libdeflate_gzip_compress_bound(compressor.get(), bytes.size());
  const auto out = std::make_unique_for_overwrite<char[]>(bound);
  return {out.get(),
          libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(), out.get(), bound)};
}

}  // namespace sonde::http
