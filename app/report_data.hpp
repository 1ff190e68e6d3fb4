// What the page of a report shows, from the directory of a run or a comparison.
#pragma once

#include <string>

#include "app/json.hpp"

namespace wbsim {

// Throws UsageError when the directory is no output of wbsim.
Json report_data(const std::string& directory);

// The page: one file without references to anything outside it.
std::string report_page(const Json& data);

}  // namespace wbsim
