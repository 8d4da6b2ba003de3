#pragma once

namespace sonde::analyzer {

/// `sonde-analyzer evaluate classify`: how well the classifiers do on tables of labelled rows. Takes main()'s
/// arguments as they came. Returns the exit code: 0, 1 where a file could not be written, 2 for a wrong flag
/// or table; errors are one line on standard error, and nothing was printed then.
int evaluate_main(int argc, char** argv);

}  // namespace sonde::analyzer
