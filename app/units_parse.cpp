#include "app/units_parse.hpp"

#include <array>
#include <charconv>
#include <numeric>
#include <span>

#include "app/problems.hpp"

namespace wbsim {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t kKibi = 1024, kKilo = 1000;

// Longer names first, so that "KiB" is not taken for "B".
constexpr std::array kSizeUnits = {
    Unit{"TiB", kKibi* kKibi* kKibi* kKibi},
    Unit{"GiB", kKibi* kKibi* kKibi},
    Unit{"MiB", kKibi* kKibi},
    Unit{"KiB", kKibi},
    Unit{"TB", kKilo* kKilo* kKilo* kKilo},
    Unit{"GB", kKilo* kKilo* kKilo},
    Unit{"MB", kKilo* kKilo},
    Unit{"kB", kKilo},
    Unit{"B", 1},
};
constexpr std::array kDurationUnits = {
    Unit{"min", 60'000'000'000}, Unit{"ns", 1}, Unit{"us", 1'000}, Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
};

constexpr std::string_view kSizeHint =
    "use TiB GiB MiB KiB (powers of 1024), TB GB MB kB (powers of 1000) or B";
constexpr std::string_view kDurationHint = "use ns us ms s min";
constexpr std::string_view kRateHint = "use a size and \"/s\": \"50MB/s\", \"48MiB/s\"";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

UnitValue failure(std::string error, std::string hint) {
  return {0, std::move(error), std::move(hint)};
}

// The bare letters of other tools, and wrong case: say both spellings that could be meant.
std::string unit_hint(std::string_view number, std::string_view unit, std::string_view otherwise) {
  constexpr std::string_view kPrefixes = "kmgtKMGT";
  const bool prefix_first = !unit.empty() && kPrefixes.find(unit.front()) != std::string_view::npos;
  const bool looks_like_size = prefix_first && (unit.size() == 1 || unit.back() == 'B' ||
                                                unit.back() == 'b' || unit.back() == 'i');
  if (!looks_like_size || otherwise == kDurationHint)
    return std::string(otherwise);
  const char upper = static_cast<char>(unit.front() & ~0x20);
  const char decimal = upper == 'K' ? 'k' : upper;
  std::string hint = "use " + shown(std::string(number) + upper + "iB") + " (powers of 1024) or ";
  return hint + shown(std::string(number) + decimal + "B") + " (powers of 1000)";
}

struct Decimal {
  std::int64_t whole = 0;
  std::int64_t fraction = 0;  // in units of 1 / scale
  std::int64_t scale = 1;
  bool fits = true;
};

Decimal parse_decimal(std::string_view whole, std::string_view fraction) {
  Decimal d;
  const auto [end, code] = std::from_chars(whole.data(), whole.data() + whole.size(), d.whole);
  d.fits = code == std::errc() && end == whole.data() + whole.size();
  while (!fraction.empty() && fraction.back() == '0')
    fraction.remove_suffix(1);
  if (fraction.size() > 18) {
    d.fits = false;
    return d;
  }
  for (const char c : fraction) {
    d.fraction = d.fraction * 10 + (c - '0');
    d.scale *= 10;
  }
  return d;
}

UnitValue scaled(std::string_view text, const Decimal& d, std::int64_t factor,
                 std::string_view base) {
  const std::int64_t common = std::gcd(factor, d.scale);
  const std::int64_t divisor = d.scale / common;
  if (d.fraction % divisor != 0)
    return failure(shown(text) + " is not a whole number of " + std::string(base), "");
  std::int64_t result = 0;
  if (__builtin_mul_overflow(d.whole, factor, &result) ||
      __builtin_add_overflow(result, d.fraction / divisor * (factor / common), &result))
    return failure(shown(text) + " does not fit in 64 bits", "");
  return {result, "", ""};
}

UnitValue parse(std::string_view text, std::span<const Unit> units, std::string_view base,
                std::string_view hint) {
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at]))
    ++at;
  const std::string_view whole = text.substr(0, at);
  std::string_view fraction;
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    while (at < text.size() && is_digit(text[at]))
      ++at;
    fraction = text.substr(begin, at - begin);
    if (fraction.empty())
      return failure(shown(text) + " has no digit after the point", "");
  }
  if (whole.empty()) {
    const bool negative = text.starts_with('-');
    return failure(shown(text) + (negative ? " is negative" : " does not begin with a number"),
                   std::string(hint));
  }
  const std::string_view unit = text.substr(at);
  if (unit.empty())
    return failure(shown(text) + " has no unit", std::string(hint));
  for (const Unit& known : units) {
    if (unit != known.name)
      continue;
    const Decimal d = parse_decimal(whole, fraction);
    if (!d.fits)
      return failure(shown(text) + " has too many digits", "");
    return scaled(text, d, known.factor, base);
  }
  if (unit.front() == ' ')
    return failure(shown(text) + " has a space before its unit", "write it without");
  return failure(shown(text) + " has no unit this program accepts",
                 unit_hint(text.substr(0, at), unit, hint));
}

std::string spell(std::int64_t value, std::span<const Unit> preferred) {
  for (const Unit& unit : preferred) {
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return "0" + std::string(preferred.back().name);
}

}  // namespace

UnitValue parse_size(std::string_view text) {
  return parse(text, kSizeUnits, "bytes", kSizeHint);
}

UnitValue parse_duration(std::string_view text) {
  return parse(text, kDurationUnits, "nanoseconds", kDurationHint);
}

UnitValue parse_rate(std::string_view text) {
  constexpr std::string_view kPerSecond = "/s";
  if (!text.ends_with(kPerSecond))
    return failure(shown(text) + " is not a rate", std::string(kRateHint));
  UnitValue result =
      parse(text.substr(0, text.size() - kPerSecond.size()), kSizeUnits, "bytes", kRateHint);
  return result;
}

std::string size_text(std::int64_t bytes) {
  return spell(bytes, kSizeUnits);
}

std::string duration_text(std::int64_t ns) {
  constexpr std::array kOrder = {Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000}, Unit{"us", 1'000},
                                 Unit{"ns", 1}};
  return ns == 0 ? "0s" : spell(ns, kOrder);
}

std::string rate_text(std::int64_t bytes_per_s) {
  constexpr std::array kOrder = {Unit{"GB/s", kKilo * kKilo * kKilo},
                                 Unit{"MB/s", kKilo * kKilo},
                                 Unit{"GiB/s", kKibi * kKibi * kKibi},
                                 Unit{"MiB/s", kKibi * kKibi},
                                 Unit{"KiB/s", kKibi},
                                 Unit{"kB/s", kKilo},
                                 Unit{"B/s", 1}};
  return spell(bytes_per_s, kOrder);
}

std::string_view size_pattern() {
  return "^[0-9]+(\\.[0-9]+)?([KMGT]i|[kMGT])?B$";
}
std::string_view duration_pattern() {
  return "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min)$";
}
std::string_view rate_pattern() {
  return "^[0-9]+(\\.[0-9]+)?([KMGT]i|[kMGT])?B/s$";
}

}  // namespace wbsim
