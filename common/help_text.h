#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace sonde {

/// Gives a program or subcommand the --help that all of them have: -h, descriptions in lines of at most 110
/// columns, each with its default, and `footer` (examples, exit codes) at the end. Subcommands added later
/// inherit it but for the footer. What an option's value is called comes from its type_name().
void set_help(CLI::App& app, const std::string& footer);

/// Breaks a text at blanks into lines of at most `width` columns; its own line ends stay.
std::string wrapped(std::string_view text, size_t width);

/// Reads the words of a command line that come behind the program's and the subcommand's name. Errors:
/// kInvalid, in one line, with the flag and the remedy; kNotFound where only help was asked for, with the
/// help as its message.
Result<void> parse_words(CLI::App& app, std::vector<std::string> words);

/// Puts all options that `add` adds under a heading of --help; --no-X is known but not shown where there is
/// --X.
template <class Add>
void in_group(CLI::App& app, const std::string& heading, Add&& add) {
  const size_t before = app.get_options().size();
  add();
  const auto options = app.get_options();
  for (size_t i = before; i < options.size(); ++i) {
    const std::string name = options[i]->get_name();
    const bool shown_by_its_opposite =
        name.starts_with("--no-") && app.get_option_no_throw("--" + name.substr(5)) != nullptr;
    options[i]->group(shown_by_its_opposite ? "" : heading);
  }
}

}  // namespace sonde
