#include "analyzer/pipeline/selector_match.h"

#include <algorithm>

namespace sonde::analyzer {

Result<SelectorMatch> SelectorMatch::compile(const Selector& selector) {
  SelectorMatch match;
  for (const Matcher& matcher : selector) {
    Term& term = match.terms_.emplace_back(Term{matcher, {}});
    if (matcher.kind == Matcher::Kind::kEqual && matcher.name == "__name__") {
      match.metric_name_ = matcher.value;
    }
    if (matcher.kind != Matcher::Kind::kMatches && matcher.kind != Matcher::Kind::kNotMatches) continue;
    try {
      term.expression = std::regex(matcher.value, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& error) {
      return fail(ErrorCode::kInvalid, "regular expression '" + matcher.value + "' of label " + matcher.name +
                                           ": " + error.what());
    }
  }
  return match;
}

bool SelectorMatch::matches(const LabelSet& labels) const {
  return std::ranges::all_of(terms_, [&](const Term& term) {
    const std::string_view value = labels.get(term.matcher.name);
    switch (term.matcher.kind) {
      case Matcher::Kind::kEqual:
        return value == term.matcher.value;
      case Matcher::Kind::kNotEqual:
        return value != term.matcher.value;
      case Matcher::Kind::kMatches:
        return std::regex_match(value.begin(), value.end(), term.expression);
      case Matcher::Kind::kNotMatches:
        return !std::regex_match(value.begin(), value.end(), term.expression);
    }
    return false;
  });
}

}  // namespace sonde::analyzer
