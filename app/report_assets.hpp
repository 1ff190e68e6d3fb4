// The files of app/report/, which CMake makes part of the program.
#pragma once

#include <string_view>

namespace wbsim {

std::string_view report_html();
std::string_view report_css();
std::string_view report_js();

}  // namespace wbsim
