#pragma once

namespace wbsim {

const char* program_version();

}  // namespace wbsim
