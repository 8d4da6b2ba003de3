#pragma once

#include <functional>
#include <string>

namespace sonde::test {

/// Runs `work` in a child process and returns the text that it returned; what it changes of itself
/// (capabilities, mounts) ends with it. "died" if it did not come to its end.
std::string in_child(const std::function<std::string()>& work);

}  // namespace sonde::test
