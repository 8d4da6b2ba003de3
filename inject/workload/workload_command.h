#pragma once

namespace sonde::inject {

/// `sonde-inject workload`: sends requests until a signal, its metrics on /metrics. `argv` begins with the
/// word "workload". Returns the exit code.
int run_workload_command(int argc, const char* const* argv);

}  // namespace sonde::inject
