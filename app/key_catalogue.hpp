// Every key of a scenario file as a flat list, for `wbsim explain`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/key_spec.hpp"

namespace wbsim {

struct CatalogueEntry {
  std::string path;  // "devices.nr_requests"
  KeySpec spec;
  std::string default_text;
  bool is_group = false;  // holds other keys
};

std::vector<CatalogueEntry> key_catalogue();

// "/devices/0/nr_requests", "devices[0].nr_requests", "nr_requests" -> every entry meant.
std::vector<CatalogueEntry> find_keys(const std::vector<CatalogueEntry>& all,
                                      std::string_view asked);
std::vector<std::string> nearest_keys(const std::vector<CatalogueEntry>& all,
                                      std::string_view asked);

// "a size: "64KiB"" and "1 to 100".
std::string kind_text(const KeySpec& spec);
std::string range_text(const KeySpec& spec);

}  // namespace wbsim
