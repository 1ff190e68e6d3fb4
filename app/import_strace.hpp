// What strace(1) recorded, as a replay: strace -f -ttt -T COMMAND.
//
// DEVIATES: a file that was there before the recording has the size that the recording shows of it;
// two threads that moved one file offset at the same time are taken in the order strace wrote.
#pragma once

#include <string_view>

#include "app/import.hpp"

namespace wbsim {

void import_strace(std::string_view text, Import& import, Problems& problems);

}  // namespace wbsim
