#pragma once

namespace sonde::analyzer {

/// `sonde-analyzer query`: prints what the analyzer sees of a server's series, as CSV on standard output.
/// Takes main()'s arguments as they came. Returns the exit code: 0, 1 where the read failed (nothing was
/// printed then), 2 for a wrong flag; errors are one line on standard error.
int query_main(int argc, char** argv);

}  // namespace sonde::analyzer
