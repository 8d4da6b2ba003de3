#include "analyzer/pipeline/workload_name.h"

#include <algorithm>

namespace sonde::analyzer {
namespace {

constexpr std::string_view kSafeAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kSuffixLength = 5;
constexpr size_t kShortestHash = 6;
constexpr size_t kLongestHash = 10;

/// The part after the last '-', and what stands before it.
struct Split {
  std::string_view head;
  std::string_view tail;
};

Split split(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return {name, {}};
  return {name.substr(0, dash), name.substr(dash + 1)};
}

bool generated(std::string_view text, size_t shortest, size_t longest) {
  return text.size() >= shortest && text.size() <= longest &&
         text.find_first_not_of(kSafeAlphabet) == std::string_view::npos;
}

bool number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string workload_of_pod(std::string_view pod) {
  const Split last = split(pod);
  if (generated(last.tail, kSuffixLength, kSuffixLength)) {
    const Split before = split(last.head);
    if (generated(before.tail, kShortestHash, kLongestHash)) return std::string(before.head);
    return std::string(last.head);
  }
  if (number(last.tail)) return std::string(last.head);
  return std::string(pod);
}

}  // namespace sonde::analyzer
