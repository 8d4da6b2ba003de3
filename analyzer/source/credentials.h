#pragma once

#include <string>
#include <vector>

#include "analyzer/source/fault.h"
#include "analyzer/source/source_options.h"

namespace sonde::analyzer {

/// What a request carries of SourceAuth, and what must never show.
struct Credentials {
  std::string authorization;         ///< value of the Authorization header; "" for none
  std::vector<std::string> secrets;  ///< every form in which they might come back in a server's words
};

/// Checks what can be checked without a request. Errors: kInvalid, naming the option and the remedy.
Result<void> check_auth(const SourceAuth& auth);

/// Reads the secrets, from their files too. Errors: kUnauthorized for a file that cannot be read.
Outcome<Credentials> load_credentials(const SourceAuth& auth);

/// That the files with secrets can be read now. Errors: kInvalid, naming the option and the remedy.
Result<void> check_secret_files(const SourceAuth& auth);

/// The text with every secret replaced by "<secret>".
std::string redact(std::string text, const Credentials& credentials);

}  // namespace sonde::analyzer
