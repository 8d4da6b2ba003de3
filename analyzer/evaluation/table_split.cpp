#include "analyzer/evaluation/table_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace sonde::analyzer {
namespace {

void append_row(LabelledTable& to, const LabelledTable& from, size_t row) {
  const size_t columns = from.columns.size();
  const auto cells = from.cells.begin() + static_cast<std::ptrdiff_t>(row * columns);
  to.cells.insert(to.cells.end(), cells, cells + static_cast<std::ptrdiff_t>(columns));
  to.missing += static_cast<size_t>(std::count_if(cells, cells + static_cast<std::ptrdiff_t>(columns),
                                                  [](double cell) { return std::isnan(cell); }));
  to.labels.push_back(from.labels[row]);
  if (!from.groups.empty()) to.groups.push_back(from.groups[row]);
}

TableSplit split_by(const LabelledTable& table, const std::vector<bool>& is_test) {
  TableSplit split;
  split.train.columns = split.test.columns = table.columns;
  for (size_t row = 0; row < table.rows(); ++row)
    append_row(is_test[row] ? split.test : split.train, table, row);
  return split;
}

size_t share_of(size_t count, double share) {
  return static_cast<size_t>(std::lround(share * static_cast<double>(count)));
}

}  // namespace

Result<void> require_two_labels(const LabelledTable& table) {
  const auto same = std::ranges::count(table.labels, table.labels.front());
  if (same < std::ssize(table.labels)) return {};
  return fail(
      ErrorCode::kInvalid,
      fmt::format("every row has the label {}: there is nothing to tell apart; label rows by faults of "
                  "sonde-inject that Prometheus scrapes",
                  table.labels.front()));
}

Result<TableSplit> split_rows(const LabelledTable& table, double test_share, uint64_t seed) {
  if (const auto several = require_two_labels(table); !several) return tl::unexpected(several.error());
  const size_t tested = share_of(table.rows(), test_share);
  if (tested == 0 || tested == table.rows()) {
    return fail(ErrorCode::kInvalid, fmt::format("{} rows cannot be split {} to {}: a part would be empty",
                                                 table.rows(), 1 - test_share, test_share));
  }
  std::vector<bool> is_test(table.rows(), false);
  std::fill_n(is_test.begin(), tested, true);
  std::mt19937_64 random(seed);
  std::shuffle(is_test.begin(), is_test.end(), random);
  return split_by(table, is_test);
}

Result<TableSplit> split_groups(const LabelledTable& table, double test_share, uint64_t seed) {
  assert(table.groups.size() == table.rows());
  if (const auto several = require_two_labels(table); !several) return tl::unexpected(several.error());
  std::map<std::string, size_t> rows_of_label;
  for (const std::string& label : table.labels) ++rows_of_label[label];
  std::map<std::string, std::string> label_of_group;
  for (size_t row = 0; row < table.rows(); ++row) {
    std::string& rarest = label_of_group.try_emplace(table.groups[row], table.labels[row]).first->second;
    if (rows_of_label[table.labels[row]] < rows_of_label[rarest]) rarest = table.labels[row];
  }
  std::map<std::string, std::vector<std::string>> groups_of_label;
  for (const auto& [group, label] : label_of_group) groups_of_label[label].push_back(group);

  std::set<std::string> tested;
  std::mt19937_64 random(seed);
  for (auto& [label, groups] : groups_of_label) {
    if (groups.size() < 2) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format(
              "the label {} has one group only, {}: it cannot be learnt from one and tested with another",
              label, groups.front()));
    }
    std::ranges::shuffle(groups, random);
    const size_t count = std::clamp<size_t>(share_of(groups.size(), test_share), 1, groups.size() - 1);
    tested.insert(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(count));
  }
  std::vector<bool> is_test(table.rows());
  for (size_t row = 0; row < table.rows(); ++row) is_test[row] = tested.contains(table.groups[row]);
  TableSplit split = split_by(table, is_test);
  const std::set<std::string> learnt(split.train.labels.begin(), split.train.labels.end());
  for (const std::string& label : split.test.labels) {
    if (learnt.contains(label)) continue;
    return fail(ErrorCode::kInvalid,
                fmt::format("all groups with the label {} were drawn for the test; take another --seed or a "
                            "smaller --test-share",
                            label));
  }
  return split;
}

Result<TableSplit> split_calibration(const LabelledTable& table, size_t count, std::string_view name) {
  TableSplit split;
  split.calibration.columns = split.test.columns = table.columns;
  for (size_t row = 0; row < table.rows(); ++row) {
    const bool taken = split.calibration.rows() < count && table.labels[row] == kNormalLabel;
    append_row(taken ? split.calibration : split.test, table, row);
  }
  if (split.calibration.rows() < count || split.test.rows() == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: {} rows are labelled {}, and others have to be left; --calibration-rows={} "
                            "asks for too many",
                            name, split.calibration.rows(), kNormalLabel, count));
  }
  if (const auto known = expect_values(split.calibration, name); !known) {
    return tl::unexpected(known.error());
  }
  return split;
}

Result<void> expect_values(const LabelledTable& table, std::string_view name) {
  const size_t columns = table.columns.size();
  for (size_t column = 0; column < columns; ++column) {
    bool known = false;
    for (size_t row = 0; row < table.rows() && !known; ++row) {
      known = !std::isnan(table.cells[row * columns + column]);
    }
    if (!known) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}: {} has no value in any of the {} rows without a fault; take a time at "
                              "which it is measured",
                              name, table.columns[column], table.rows()));
    }
  }
  return {};
}

LabelledTable rows_labelled(const LabelledTable& table, std::string_view label) {
  LabelledTable rows;
  rows.columns = table.columns;
  for (size_t row = 0; row < table.rows(); ++row) {
    if (table.labels[row] == label) append_row(rows, table, row);
  }
  return rows;
}

}  // namespace sonde::analyzer
