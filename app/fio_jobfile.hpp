// A fio job file as sections of options: what `[global]` said before a section is part of it.
//
// MODELS:   fio 3.33 job files: comments, aliases of options, kb_base, the suffixes of numbers.
// DEVIATES: no include, no ${VARIABLE}, no arithmetic; each is an error that names its line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/problems.hpp"

namespace wbsim {

struct FioOption {
  std::string key;                   // the name fio documents first, not an alias
  std::optional<std::string> value;  // unset: only the key stands there
  int line = 0;
};

struct FioSection {
  std::string name;
  int line = 0;
  std::vector<FioOption> options;  // of the globals before it, then its own

  // The last one of that name, which is the one that counts.
  const FioOption* find(std::string_view key) const;
};

std::vector<FioSection> parse_fio_jobfile(std::string_view text, Problems& problems);

// "line 12 [file1] direct": where a problem is.
std::string fio_place(const FioSection& section, const FioOption& option);

// Bytes; k is 1024 and ki is 1000 with kb_base 1024, and the other way round with 1000.
std::optional<std::int64_t> fio_bytes(std::string_view text, int kb_base);
// Nanoseconds; a bare number counts in `unit_ns`.
std::optional<std::int64_t> fio_time(std::string_view text, std::int64_t unit_ns);

}  // namespace wbsim
