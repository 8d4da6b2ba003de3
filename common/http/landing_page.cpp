#include "common/http/landing_page.h"

#include <fmt/format.h>

#include <string_view>

#include "common/build_info.h"
#include "common/markup.h"

namespace sonde::http {
namespace {

std::string parameter_list(const std::vector<PageParameter>& parameters) {
  if (parameters.empty()) return "";
  std::string items;
  for (const auto& [name, meaning] : parameters) {
    items += fmt::format("<li><code>{}=</code> {}</li>\n", escape_markup(name), escape_markup(meaning));
  }
  return "\n<ul>\n" + items + "</ul>\n";
}

}  // namespace

std::string landing_page(const ProgramInfo& program, const std::vector<LandingLink>& links) {
  std::string items;
  for (const LandingLink& link : links) {
    items += fmt::format("<li><a href=\"{0}\">{0}</a> {1}{2}</li>\n", escape_markup(link.path),
                         escape_markup(link.description), parameter_list(link.parameters));
  }
  const BuildInfo& build = build_info();
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<style>body{{font-family:sans-serif;margin:2em}}li{{margin:.4em 0}}</style></head>\n"
      "<body>\n<h1>{0}</h1>\n<p>{1}</p>\n<ul>\n{2}</ul>\n<p>Version {3} ({4})</p>\n</body>\n</html>\n",
      escape_markup(program.name), escape_markup(program.description), items, escape_markup(build.version),
      escape_markup(build.revision));
}

}  // namespace sonde::http
