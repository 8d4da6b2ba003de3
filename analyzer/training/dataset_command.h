#pragma once

namespace sonde::analyzer {

/// `sonde-analyzer dataset`: writes labelled rows that classifiers learn from, as CSV, and says on standard
/// error what they are. Takes main()'s arguments as they came. Returns the exit code: 0, 1 where the read or
/// the write failed, 2 for a wrong flag or configuration.
int dataset_main(int argc, char** argv);

}  // namespace sonde::analyzer
