#pragma once

#include <string>
#include <vector>

#include "common/http/server.h"

namespace sonde::http {

/// A page that the landing page leads to.
struct LandingLink {
  std::string path;
  std::string description;
  std::vector<PageParameter> parameters;
};

/// The page at /: what the program is, its version, and each link with the parameters that it takes.
std::string landing_page(const ProgramInfo& program, const std::vector<LandingLink>& links);

}  // namespace sonde::http
