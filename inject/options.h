#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/http/server.h"
#include "common/result.h"
#include "inject/cgroup_target.h"
#include "inject/faults/fault_table.h"
#include "inject/shape.h"

namespace sonde::inject {

/// What `sonde-inject FAULT …` asks for.
struct InjectOptions {
  const FaultRow* row = nullptr;
  std::unique_ptr<Fault> fault;
  std::string words;        ///< the fault and its own flags, given or not: "cpu --cores=1.0 --min-effect=0.5"
  bool only_check = false;  ///< say what would be done, and do nothing
  CgroupTarget target;
  Shape shape;
  std::chrono::milliseconds duration{0};
  std::chrono::milliseconds proof_timeout{0};  ///< for the effect to show
  std::chrono::milliseconds linger{0};         ///< at most, for being scraped twice after the end
  std::filesystem::path state_folder;
  std::string rootfs = "/";  ///< below which container runtimes keep their files
  http::WebOptions web;
  int report_descriptor = -1;  ///< of a campaign that began this, which then has /metrics; -1 for none
};

/// What `sonde-inject undo` asks for.
struct UndoOptions {
  std::filesystem::path state_folder;
  bool all = false;
};

/// The command line, read: one of the two commands, or only an exit code, what there was to say having been
/// said.
struct CommandLine {
  std::optional<InjectOptions> inject;
  std::optional<UndoOptions> undo;
  int exit_code = 0;
};

/// Reads the command line and sets up the log. Help and version go to stdout with exit code 0; a mistake is
/// one line on stderr (key, value, remedy) with exit code 2, lacking rights with 1.
CommandLine read_command_line(int argc, const char* const* argv);

/// What `sonde-inject WORDS` asks for, whatever its target: that is not looked for. Errors: kInvalid, one
/// line: the flag, the value, the remedy.
Result<InjectOptions> read_fault_words(const std::vector<std::string>& words);

}  // namespace sonde::inject
