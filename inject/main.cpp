#include "inject/injection.h"
#include "inject/options.h"
#include "inject/undo.h"

int main(int argc, char** argv) {
  auto command = sonde::inject::read_command_line(argc, argv);
  if (command.undo) return sonde::inject::run_undo(command.undo->state_folder, command.undo->all);
  if (command.inject) return sonde::inject::run_injection(std::move(*command.inject));
  return command.exit_code;
}
