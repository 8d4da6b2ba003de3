#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace sonde {

/// The document of a text; `file` is its name in errors. Errors: kInvalid, with file and line.
Result<YAML::Node> load_yaml(std::string_view text, const std::string& file);

/// Collects what is wrong with a file; people are shown the first complaint in full and where the others are.
class Complaints {
 public:
  explicit Complaints(std::string file) : file_(std::move(file)) {}

  /// One line: file:line: key=value: what is wrong; remedy.
  void add(const YAML::Node& where, const std::string& key, const std::string& text);
  /// "file:line" of a node; only the file for one that stands nowhere.
  static std::string place(const std::string& file, const YAML::Node& where);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] size_t count() const { return lines_.size(); }
  /// One line: the first one, then line and key of the others: "… (1 more error: line 7 analysis.chart)".
  [[nodiscard]] std::string text() const;

 private:
  std::string file_;
  std::vector<std::string> lines_;
  std::vector<std::string> places_;  ///< of each of lines_, in short
};

/// One map of the file while it is read: each read() names a key that may stand there, and close() complains
/// of every other key. A key that is absent leaves the value as it was.
///
/// Only sources that read a file include this header, as yaml-cpp is heavy.
class YamlSection {
 public:
  /// `path` is the key of the map itself ("detectors.zscore"), "" for the whole file.
  YamlSection(const YAML::Node& node, std::string path, Complaints& complaints);

  void read(const std::string& key, std::string& value);
  void read(const std::string& key, bool& value);
  /// A number within [low, high].
  void read(const std::string& key, double& value, double low, double high);
  void read(const std::string& key, uint64_t& value, uint64_t low, uint64_t high);
  /// A duration such as 500ms, 15s, 1m30s, 2h, within [low, high].
  void read(const std::string& key, std::chrono::milliseconds& value, std::chrono::milliseconds low,
            std::chrono::milliseconds high);
  /// A size such as 4096, 64KiB, 56MiB, 1GiB.
  void read_bytes(const std::string& key, uint64_t& value, uint64_t low, uint64_t high);
  /// One of the words; the value is its index.
  void read_word(const std::string& key, const std::vector<std::string>& words, size_t& index);
  void read(const std::string& key, std::vector<std::string>& value);
  /// The map under a key; an empty section where it is absent.
  YamlSection section(const std::string& key);
  /// Calls for every key that was not read, and marks it as read.
  void for_rest(const std::function<void(const std::string&, const YAML::Node&)>& take);

  /// Complains of keys that nothing has read, with the keys that are known.
  void close();

  [[nodiscard]] YAML::Node find(const std::string& key);
  [[nodiscard]] std::string full_key(const std::string& key) const;
  Complaints& complaints() { return complaints_; }

 private:
  struct Entry {
    std::string key;
    YAML::Node key_node;
    YAML::Node value;
    bool read = false;
  };

  std::optional<std::string> scalar(const std::string& key, const char* wanted);

  std::string path_;
  Complaints& complaints_;
  std::vector<Entry> entries_;
  std::vector<std::string> known_;
};

}  // namespace sonde
