// fio's I/O logs (write_iolog, read_iolog), version 2 and 3.
#pragma once

#include <string_view>

#include "app/import.hpp"

namespace wbsim {

void import_iolog(std::string_view text, Import& import, Problems& problems);

}  // namespace wbsim
