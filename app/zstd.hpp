// zstd, if the program was built with it.
#pragma once

#include <memory>

#include "app/output_file.hpp"

namespace wbsim {

// Null when the program was built without libzstd.
std::unique_ptr<Compressor> make_zstd();
bool has_zstd();

}  // namespace wbsim
