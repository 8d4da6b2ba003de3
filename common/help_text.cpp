#include "common/help_text.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace sonde {
namespace {

constexpr size_t kWidth = 110;
constexpr size_t kColumn = 30;  // where descriptions begin

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kColumn); }

  [[nodiscard]] std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), kWidth) + "\n\n";
  }

  /// What the value is called; without the checks that CLI11 appends after a colon.
  [[nodiscard]] std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_name();
    return type.empty() ? "" : " " + type.substr(0, type.find(':'));  // a flag has none
  }

  [[nodiscard]] std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (option->get_required()) text += " (required)";
    if (!option->get_default_str().empty()) {
      text += " (default: " + option->get_default_str() + ")";
    }
    return wrapped(text, kWidth - kColumn);
  }

  /// CLI11 puts two empty lines between groups.
  [[nodiscard]] std::string make_help(const CLI::App* app, std::string name,
                                      CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
    return text;
  }
};

}  // namespace

Result<void> parse_words(CLI::App& app, std::vector<std::string> words) {
  std::ranges::reverse(words);  // CLI11 takes them off the end
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return fail(ErrorCode::kNotFound, app.help());
  } catch (const CLI::ParseError& error) {
    std::string command = app.get_name();
    for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
    return fail(ErrorCode::kInvalid, std::string(error.what()) + " (see " + command + " --help)");
  }
  return {};
}

std::string wrapped(std::string_view text, size_t width) {
  std::string lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.size() > width) {
      size_t blank = line.rfind(' ', width);
      if (blank == std::string_view::npos) blank = line.find(' ', width);
      if (blank == std::string_view::npos) break;
      lines.append(line.substr(0, blank)) += '\n';  // CLI11 indents what follows
      line.remove_prefix(blank + 1);
    }
    lines += line;
    if (!text.empty()) lines += '\n';
  }
  return lines;
}

void set_help(CLI::App& app, const std::string& footer) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Print this help");
  app.footer(footer);
}

}  // namespace sonde
