#pragma once

namespace sonde::analyzer {

/// `sonde-analyzer calibrate`: moves the newest model of a folder to where normal lies now, by rows without a
/// fault of a file or of a Prometheus, and saves it as the next generation. Takes main()'s arguments as they
/// came. Returns the exit code: 0, 1 where the read or the write failed, 2 for a wrong flag, table, model or
/// configuration.
int calibrate_main(int argc, char** argv);

}  // namespace sonde::analyzer
