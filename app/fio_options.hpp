// What becomes of each option of a fio job file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/fio_jobfile.hpp"

namespace wbsim {

bool fio_is_direct(const FioSection& job);  // O_DIRECT

// Refuses every option of the job that would change what happens and is not modelled.
void refuse_fio_options(const FioSection& job, Problems& problems);

}  // namespace wbsim
