#include "common/metrics/labels.h"

#include "common/metrics/escape.h"

namespace sonde::metrics {

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  for (const auto& [name, value] : pairs) add(name, value);
}

Labels Labels::written(std::string_view text) {
  Labels labels;
  labels.text_ = text;
  return labels;
}

void Labels::add(std::string_view name, std::string_view value) {
  if (!text_.empty()) text_ += ',';
  text_ += name;
  text_ += "=\"";
  append_label_value(text_, value);
  text_ += '"';
}

}  // namespace sonde::metrics
