#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace sonde::bench {

/// How often and how long programs ran, by name.
struct Runs {
  uint64_t count = 0;
  uint64_t time_ns = 0;
};

/// bpftrace with one script, attached; ends with this object. Needs tracefs, which it mounts for its life
/// where it is not mounted.
class Bpftrace {
 public:
  /// Returns once its programs are in the kernel. Exits the program, with a message, if that does not come
  /// about.
  explicit Bpftrace(const std::string& script);
  ~Bpftrace();
  Bpftrace(const Bpftrace&) = delete;
  Bpftrace& operator=(const Bpftrace&) = delete;

  /// What its programs did so far; several of one name are added up.
  [[nodiscard]] std::map<std::string, Runs> runs() const;

 private:
  pid_t process_ = 0;
  bool mounted_ = false;
  std::set<uint32_t> others_;  ///< numbers of the programs that were there before
};

}  // namespace sonde::bench
