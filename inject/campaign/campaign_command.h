#pragma once

namespace sonde::inject {

/// `sonde-inject campaign`: runs a file's injections, or prints what would be run. `argv` begins with the
/// word "campaign". Returns the exit code.
int run_campaign_command(int argc, const char* const* argv);

}  // namespace sonde::inject
