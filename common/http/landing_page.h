#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/http/server.h"

namespace sonde::http {

/// The page at /: what the program is, its version, and a link to each (path, description).
std::string landing_page(const ProgramInfo& program,
                         const std::vector<std::pair<std::string, std::string>>& links);

}  // namespace sonde::http
