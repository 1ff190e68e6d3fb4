#include "app/not_text.hpp"

#include <algorithm>

namespace wbsim {
namespace {

struct Beginning {
  std::string_view bytes;
  const char* what;
  const char* hint;
};

using namespace std::string_view_literals;

constexpr const char* kToUtf8 = "iconv -f UTF-16 -t UTF-8 turns it into what is read here";

constexpr Beginning kBeginnings[] = {
    {"\x1f\x8b"sv, "is compressed by gzip", "gzip -d unpacks it"},
    {"\xfd"
     "7zXZ\0"sv,
     "is compressed by xz", "xz -d unpacks it"},
    {"\x28\xb5\x2f\xfd"sv, "is compressed by zstd", "zstd -d unpacks it"},
    {"BZh"sv, "is compressed by bzip2", "bzip2 -d unpacks it"},
    {"\xff\xfe"sv, "is UTF-16", kToUtf8},
    {"\xfe\xff"sv, "is UTF-16", kToUtf8},
    {"\x07"
     "tae"sv,
     "is a recording of blktrace", "blkparse -i FILE > TEXT, and wbsim import blkparse TEXT"},
    {"\x17\x08"
     "Dtracing"sv,
     "is a recording of trace-cmd", "wbsim import takes the text of blkparse, strace or fio"},
    {"PERFILE2"sv, "is a recording of perf",
     "wbsim import takes the text of blkparse, strace or fio"},
    {"\x7f"
     "ELF"sv,
     "is a program", ""},
};

// Every other byte of plain English in UTF-16 is 0.
bool looks_like_utf16(std::string_view bytes) {
  const std::string_view start = bytes.substr(0, 4096);
  const auto zeros = std::count(start.begin(), start.end(), '\0');
  const auto size = static_cast<std::ptrdiff_t>(start.size());
  return size >= 8 && zeros * 5 >= size * 2 && zeros * 5 <= size * 3;
}

}  // namespace

std::optional<NotText> not_text(std::string_view bytes) {
  for (const Beginning& beginning : kBeginnings) {
    if (bytes.starts_with(beginning.bytes))
      return NotText{beginning.what, beginning.hint};
  }
  const std::size_t zero = bytes.find('\0');
  if (zero == std::string_view::npos)
    return std::nullopt;
  if (looks_like_utf16(bytes))
    return NotText{"looks like UTF-16 without its mark",
                   "iconv -f UTF-16LE -t UTF-8 turns it into what is read here"};
  return NotText{"is not text: byte " + std::to_string(zero) + " of it is 0", ""};
}

}  // namespace wbsim
