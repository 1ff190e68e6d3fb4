#include "app/version.hpp"

namespace wbsim {

const char* program_version() {
  return WBSIM_VERSION;
}

}  // namespace wbsim
