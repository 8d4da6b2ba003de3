#pragma once

namespace sonde::analyzer {

/// `sonde-analyzer train`: learns from labelled rows, of a file or of a Prometheus, and saves the model where
/// the running analyzer finds it. Takes main()'s arguments as they came. Returns the exit code: 0, 1 where
/// the read or the write failed, 2 for a wrong flag, table or configuration.
int train_main(int argc, char** argv);

}  // namespace sonde::analyzer
