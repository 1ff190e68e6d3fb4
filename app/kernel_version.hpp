// The release of a simulated kernel, as numbers that compare.
#pragma once

#include <compare>
#include <string_view>

namespace wbsim {

struct KernelVersion {
  int version = 0, patchlevel = 0, sublevel = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

// Of a preset's release or alias; of another name what number it begins with.
KernelVersion kernel_version(std::string_view preset);

}  // namespace wbsim
