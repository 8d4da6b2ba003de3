#pragma once

#include <string>
#include <string_view>

namespace sonde::http {

/// Above it one check takes seconds, and the server's end has to wait for those that are under way.
inline constexpr unsigned kHighestBcryptCost = 14;

/// Whether the text is "$2a$", "$2b$" or "$2y$", a cost from 04 to 31, '$', and 53 characters of salt and
/// hash.
bool is_bcrypt_hash(std::string_view text);

/// The binary logarithm of the rounds. REQUIRES: is_bcrypt_hash(hash).
unsigned bcrypt_cost(std::string_view hash);

/// Whether the hash is the password's. Cost 10 takes about 0.1 s of CPU; the comparison's time does not
/// depend on where the two differ. As with every bcrypt only the first 72 bytes of a password count; one with
/// a NUL in it never matches. REQUIRES: is_bcrypt_hash(hash). Threads: safe.
bool bcrypt_matches(const std::string& password, const std::string& hash);

}  // namespace sonde::http
