#include "analyzer/evaluation/labelled_table.h"

#include <csv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <regex>
#include <set>
#include <span>
#include <utility>

#include "analyzer/evaluation/text_file.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // before the first name in a "CSV UTF-8"
constexpr std::string_view kTime = "time";
constexpr std::string_view kLabel = "label";
constexpr std::string_view kInjection = "injection";
constexpr size_t kMostBytes = size_t{2} << 30;
constexpr double kLargest = 1e100;    ///< beyond it squares and their sums would not be finite
constexpr size_t kMostLabels = 1000;  ///< a classifier may keep something for each pair of them
constexpr size_t kShownName = 40;
constexpr size_t kNoColumn = std::numeric_limits<size_t>::max();

/// However it is written: what another program calls Time is no feature either.
bool is_time(std::string_view column) {
  return std::ranges::equal(column, kTime,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

/// Collects what libcsv tells field by field. The first thing that is wrong is kept and the rest ignored.
class TableReader {
 public:
  TableReader(std::string_view name, std::string_view group_column)
      : name_(name), group_column_(group_column) {}

  void add_field(std::string_view field) {
    if (error_) return;
    if (in_header_) {
      header_.emplace_back(field);
    } else if (field_ < header_.size()) {
      add_cell(field);
    }
    ++field_;
  }

  void end_row() {
    if (error_) return;
    if (in_header_) {
      read_header();
    } else if (field_ != header_.size()) {
      complain(fmt::format("has {} fields, the header {}; separate them by commas, leave missing ones empty",
                           field_, header_.size()));
    }
    in_header_ = false;
    field_ = 0;
    ++row_;
  }

  Result<LabelledTable> take() {
    if (error_) return tl::unexpected(*error_);
    if (in_header_) return fail(ErrorCode::kInvalid, fmt::format("{}: is empty", name_));
    if (table_.rows() == 0) return fail(ErrorCode::kInvalid, fmt::format("{}: has no rows", name_));
    return std::move(table_);
  }

 private:
  void complain(const std::string& what) {
    if (!error_)
      error_ = Error{ErrorCode::kInvalid, fmt::format("{}: row {} below the header {}", name_, row_, what)};
  }
  void complain_of_header(const std::string& what) {
    if (!error_) error_ = Error{ErrorCode::kInvalid, fmt::format("{}: {}", name_, what)};
  }

  void read_header() {
    if (header_.empty() || header_.back() != kLabel) {
      return complain_of_header(
          fmt::format("the last column must be named label, separated by a comma; it is {}",
                      header_.empty() ? "missing" : header_.back().substr(0, kShownName)));
    }
    std::set<std::string_view> names;
    for (const std::string& name : header_) {
      if (!names.insert(name).second) {
        return complain_of_header(fmt::format("two columns are named {}; rename one", name));
      }
    }
    for (size_t i = 0; i + 1 < header_.size(); ++i) {
      if (!group_column_.empty() && header_[i] == group_column_) {
        group_ = i;
      } else if (header_[i] == kInjection) {
        (group_column_.empty() ? group_ : passed_over_) = i;
      } else if (!is_time(header_[i])) {
        table_.columns.push_back(header_[i]);
      } else if (i > 0) {
        return complain_of_header(fmt::format(
            "column {} is named {}, and a time tells when and not what; make it the first column, "
            "rename it or leave it out",
            i + 1, header_[i]));
      }
    }
    if (table_.columns.empty()) return complain_of_header("there is no column of features");
    if (!group_column_.empty() && group_ == kNoColumn) {
      complain_of_header(fmt::format("there is no column {} for --group; there are {}", group_column_,
                                     fmt::join(std::span(header_).first(header_.size() - 1), ", ")));
    }
  }

  void add_cell(std::string_view field) {
    if (field_ + 1 == header_.size()) return table_.labels.emplace_back(label_of(field)), void();
    if (field_ == group_) return table_.groups.emplace_back(field), void();
    if (field_ == passed_over_ || (field_ == 0 && is_time(header_[0]))) return;
    double value = std::numeric_limits<double>::quiet_NaN();
    if (field.empty()) {
      ++table_.missing;
    } else {
      const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
      if (code != std::errc() || end != field.data() + field.size() || !(std::fabs(value) <= kLargest)) {
        complain(fmt::format(
            "has '{}' as {}, which is no number up to 1e100; leave the cell empty where the value is missing",
            field.substr(0, 40), header_[field_]));
      }
    }
    table_.cells.push_back(value);
  }

  std::string_view label_of(std::string_view field) {
    if (field.empty()) complain("has no label");
    if (labels_.size() <= kMostLabels) labels_.emplace(field);
    if (labels_.size() > kMostLabels) {
      complain(fmt::format(
          "has the {}th different label, at most {} can be told apart; is label the right column?",
          labels_.size(), kMostLabels));
    }
    return field;
  }

  std::string_view name_;
  std::string_view group_column_;
  std::vector<std::string> header_;
  size_t group_ = kNoColumn;
  size_t passed_over_ = kNoColumn;  ///< `injection`, where the groups are others
  bool in_header_ = true;
  size_t field_ = 0;
  size_t row_ = 0;  ///< of those below the header, from 1
  std::set<std::string, std::less<>> labels_;
  LabelledTable table_;
  std::optional<Error> error_;
};

}  // namespace

Result<LabelledTable> parse_labelled_table(std::string_view csv, std::string_view name,
                                           std::string_view group_column) {
  if (csv.starts_with(kByteOrderMark)) csv.remove_prefix(kByteOrderMark.size());
  TableReader reader(name, group_column);
  csv_parser parser;
  csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
  const auto on_field = [](void* text, size_t length, void* to) {
    static_cast<TableReader*>(to)->add_field({static_cast<const char*>(text), length});
  };
  const auto on_row = [](int, void* to) { static_cast<TableReader*>(to)->end_row(); };
  const bool parsed = csv_parse(&parser, csv.data(), csv.size(), on_field, on_row, &reader) == csv.size() &&
                      csv_fini(&parser, on_field, on_row, &reader) == 0;
  const std::string why = csv_strerror(csv_error(&parser));
  csv_free(&parser);
  if (!parsed) return fail(ErrorCode::kInvalid, fmt::format("{}: is no CSV: {}", name, why));
  return reader.take();
}

Result<LabelledTable> read_labelled_table(const std::string& path, std::string_view group_column) {
  const Result<std::string> text = read_text_file(path, kMostBytes);
  if (!text) return tl::unexpected(text.error());
  return parse_labelled_table(*text, path, group_column);
}

Result<void> keep_columns(LabelledTable& table, const std::string& expression) {
  std::vector<std::string> kept;
  try {
    const std::regex matching(expression);
    std::ranges::copy_if(table.columns, std::back_inserter(kept),
                         [&](const std::string& column) { return std::regex_match(column, matching); });
  } catch (const std::regex_error& error) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--columns={}: is no regular expression: {}", expression, error.what()));
  }
  if (kept.empty()) {
    return fail(ErrorCode::kInvalid, fmt::format("--columns={}: no column matches; there are {}", expression,
                                                 fmt::join(table.columns, ", ")));
  }
  return arrange_columns(table, kept, "");
}

Result<void> arrange_columns(LabelledTable& table, const std::vector<std::string>& columns,
                             std::string_view name) {
  std::vector<size_t> places;
  std::vector<std::string> lacking;
  for (const std::string& column : columns) {
    const auto found = std::ranges::find(table.columns, column);
    if (found == table.columns.end()) lacking.push_back(column);
    places.push_back(static_cast<size_t>(found - table.columns.begin()));
  }
  if (!lacking.empty()) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: lacks the columns {}", name, fmt::join(lacking, ", ")));
  }
  std::vector<double> cells;
  cells.reserve(table.rows() * columns.size());
  for (size_t row = 0; row < table.rows(); ++row) {
    for (const size_t place : places) cells.push_back(table.cells[row * table.columns.size() + place]);
  }
  table.missing =
      static_cast<size_t>(std::ranges::count_if(cells, [](double cell) { return std::isnan(cell); }));
  table.cells = std::move(cells);
  table.columns = columns;
  return {};
}

}  // namespace sonde::analyzer
