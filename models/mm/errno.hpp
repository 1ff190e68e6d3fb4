// Results of simulated I/O. Only internal errors are exceptions.
#pragma once

#include <cstdint>

namespace wbsim {

enum class [[nodiscard]] Errno : std::uint8_t{kOk, kEio, kEnospc};

}  // namespace wbsim
