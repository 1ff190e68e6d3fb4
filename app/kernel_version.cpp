#include "app/kernel_version.hpp"

#include <charconv>

#include "models/kernel.hpp"

namespace wbsim {

KernelVersion kernel_version(std::string_view preset) {
  const KernelRow* row = find_kernel(preset);
  const std::string_view name = row ? row->name : preset;
  KernelVersion found;
  const char* at = name.data();
  const char* const end = at + name.size();
  for (int* part : {&found.version, &found.patchlevel, &found.sublevel}) {
    at = std::from_chars(at, end, *part).ptr;
    if (at != end)
      ++at;
  }
  return found;
}

}  // namespace wbsim
