#include <string_view>

#include "inject/campaign/campaign_command.h"
#include "inject/injection.h"
#include "inject/options.h"
#include "inject/undo.h"
#include "inject/workload/workload_command.h"

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "campaign") return sonde::inject::run_campaign_command(argc - 1, argv + 1);
  if (first == "workload") return sonde::inject::run_workload_command(argc - 1, argv + 1);
  auto command = sonde::inject::read_command_line(argc, argv);
  if (command.undo) return sonde::inject::run_undo(command.undo->state_folder, command.undo->all);
  if (command.inject && command.inject->only_check) return sonde::inject::check_injection(*command.inject);
  if (command.inject) return sonde::inject::run_injection(std::move(*command.inject));
  return command.exit_code;
}
