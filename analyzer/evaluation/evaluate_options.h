#pragma once

#include <cstddef>
#include <string>

#include "analyzer/algorithms/classifier.h"
#include "common/result.h"

namespace sonde::analyzer {

/// Where the rows to test with come from.
enum class TestPart {
  kOtherTable,    ///< --test
  kRandomRows,    ///< --split=rows
  kRandomGroups,  ///< --split=groups
};

/// What the command line of `evaluate classify` asks for.
struct ClassifyOptions {
  std::string train;  ///< "": `model` has learnt
  std::string model;  ///< a folder of models; "": `train` is learnt from
  std::string test;
  TestPart part = TestPart::kOtherTable;
  std::string group_column;  ///< "": none
  double test_share = 0.2;
  size_t calibration_rows = 0;  ///< first normal rows of `test` that tell where its normal lies; 0: none
  std::string columns;          ///< a regular expression; "": all
  std::string algorithm;        ///< a name, or all
  bool balanced = false;
  ClassifierOptions classifier;
  bool json = false;
  bool published = false;   ///< print the source's tables beside
  std::string predictions;  ///< file to write; "": none
  std::string confusion;    ///< start of the names of the pictures; "": none
};

/// Reads the command line. Errors: kInvalid, in one line, with the flag and the remedy; kNotFound where only
/// help was asked for, with the help as its message.
Result<ClassifyOptions> parse_classify_options(int argc, char** argv);

}  // namespace sonde::analyzer
