#pragma once

#include <string>

#include "tests/identity/scratch_directory.h"

namespace sonde::test {

/// Certificates that openssl makes for a test: NAME.pem with its NAME.key, valid for two days, in a folder of
/// their own.
class Certificates {
 public:
  /// A root that signs others. Every failure ends the test program.
  void authority(const std::string& name) const;
  /// One signed by that authority. `extension` is for example "subjectAltName=IP:127.0.0.1".
  void signed_by(const std::string& authority, const std::string& name, const std::string& extension) const;

  /// The path of a file of the folder.
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.path() + "/" + name; }
  /// Writes a file into the folder; its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    return folder_.write(name, text);
  }

 private:
  ScratchDirectory folder_;
};

}  // namespace sonde::test
