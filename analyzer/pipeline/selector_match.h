#pragma once

#include <regex>
#include <string>
#include <vector>

#include "analyzer/series/label_set.h"
#include "analyzer/source/source.h"
#include "common/result.h"

namespace sonde::analyzer {

/// A selector that can be applied to series at hand, as a server does: a reply does not say which of a
/// query's selectors a series belongs to.
class SelectorMatch {
 public:
  /// Errors: kInvalid for a regular expression that std::regex (ECMAScript) does not take; RE2's own syntax
  /// is a little wider.
  static Result<SelectorMatch> compile(const Selector& selector);

  /// An absent label matches as "".
  [[nodiscard]] bool matches(const LabelSet& labels) const;
  /// The metric name that an equality matcher asks for, or "".
  [[nodiscard]] const std::string& metric_name() const { return metric_name_; }

 private:
  struct Term {
    Matcher matcher;
    std::regex expression;  ///< for kMatches and kNotMatches
  };

  std::vector<Term> terms_;
  std::string metric_name_;
};

}  // namespace sonde::analyzer
