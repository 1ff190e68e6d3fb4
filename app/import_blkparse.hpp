// The text that blkparse(1) prints, as transfers to and from disks past the page cache: each
// process makes the requests it queued (Q), or had dispatched (D) where none are recorded.
#pragma once

#include <string_view>

#include "app/import.hpp"

namespace wbsim {

void import_blkparse(std::string_view text, Import& import, Problems& problems);

}  // namespace wbsim
