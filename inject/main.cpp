#include <string_view>

#include "inject/injection.h"
#include "inject/options.h"
#include "inject/undo.h"
#include "inject/workload/workload_command.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "workload") {
    return sonde::inject::run_workload_command(argc - 1, argv + 1);
  }
  auto command = sonde::inject::read_command_line(argc, argv);
  if (command.undo) return sonde::inject::run_undo(command.undo->state_folder, command.undo->all);
  if (command.inject) return sonde::inject::run_injection(std::move(*command.inject));
  return command.exit_code;
}
