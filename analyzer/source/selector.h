#pragma once

#include <string>

#include "analyzer/source/source.h"

namespace sonde::analyzer {

/// The selector as PromQL text, `{__name__="up",job=~"a|b"}`; parse_selector() reads the same selector back.
std::string selector_text(const Selector& selector);

}  // namespace sonde::analyzer
