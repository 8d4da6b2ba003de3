#include "tests/support/certificates.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/support/child_process.h"

namespace sonde::test {
namespace {

void run(const std::vector<std::string>& command) {
  ChildProcess process(command, "");
  if (process.wait() == 0) return;
  for (const std::string& word : command) std::fprintf(stderr, "%s ", word.c_str());
  std::fprintf(stderr, "failed\n");
  std::abort();
}

}  // namespace

void Certificates::authority(const std::string& name) const {
  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
       "2", "-subj", "/CN=" + name, "-keyout", file(name + ".key"), "-out", file(name + ".pem")});
}

void Certificates::signed_by(const std::string& authority, const std::string& name,
                             const std::string& extension) const {
  const std::string extensions = write(name + ".ext", extension + "\n");
  run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
       "/CN=" + name, "-keyout", file(name + ".key"), "-out", file(name + ".csr")});
  run({"openssl", "x509", "-req", "-days", "2", "-in", file(name + ".csr"), "-CA", file(authority + ".pem"),
       "-CAkey", file(authority + ".key"), "-CAcreateserial", "-extfile", extensions, "-out",
       file(name + ".pem")});
}

}  // namespace sonde::test
