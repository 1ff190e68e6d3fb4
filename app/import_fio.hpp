// fio job files as scenarios. What the simulator cannot do is refused by the name of its option;
// options that change nothing it simulates (logs, percentiles, contents of buffers) are passed
// over.
#pragma once

#include <string_view>

#include "app/fio_jobfile.hpp"
#include "app/import.hpp"

namespace wbsim {

void import_fio(std::string_view text, Import& import, Problems& problems);

}  // namespace wbsim
