// The summary of one run as tables for a terminal.
#pragma once

#include <string>

#include "app/run_once.hpp"

namespace wbsim {

std::string run_report(const RunOutcome& run);

// A number of the summary, scaled; "-" where there is none.
std::string metric_text(const Json& summary, const std::string& pointer, double scale,
                        int decimals);

}  // namespace wbsim
