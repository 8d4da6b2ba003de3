// Files of models, as a disk or whoever may write the folder could leave them: as they are, and with a head
// and a checksum that are right, behind which the parameters themselves are anything.

#include "analyzer/models/model.h"

#include <openssl/evp.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace sonde::analyzer;

namespace {

std::string signed_file(const std::string& body) {
  ParameterWriter head;
  head.number(kModelFormat);
  head.number(body.size());
  std::string bytes = "SONDEMDL" + head.bytes() + body;
  std::string sum(32, '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(sum.data()), nullptr, EVP_sha256(),
             nullptr);
  return bytes + sum;
}

/// What is accepted can be asked, and is written as it was read.
void use(const Model& model) {
  const std::vector<double> row(model.features.size(), 0.5);
  std::vector<double> probabilities(model.classes.size());
  for (const Model::Learnt& each : model.learnt) {
    each.classifier->probabilities(row, probabilities);
    if (each.classifier->predict(row) >= model.classes.size()) std::abort();
  }
  if (!decode_model(encode_model(model))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (const auto model = decode_model(bytes)) use(*model);
  // The body of a whole file is what lies between the head and the checksum.
  const bool whole = bytes.starts_with("SONDEMDL") && size > 24 + 32;
  if (const auto model = decode_model(signed_file(whole ? bytes.substr(24, size - 24 - 32) : bytes)))
    use(*model);
  return 0;
}
