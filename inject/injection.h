#pragma once

#include "inject/options.h"

namespace sonde::inject {

/// Injects one fault, from the forks to the last scrape. Returns the exit code: 0 when the effect was proven
/// and the fault undone, after its duration or earlier by SIGINT or SIGTERM (a second signal ends the wait
/// for scrapes); 1 when it was not proven, broke, or could not be put in place or undone.
int run_injection(InjectOptions options);

/// Says on stdout what run_injection() would do to which container. Returns the exit code: 0, or 1 where an
/// earlier fault was left behind there.
int check_injection(const InjectOptions& options);

}  // namespace sonde::inject
