// The vocabulary in which scenario_schema.cpp describes a scenario file, once. The reader, the
// resolved scenario, `wbsim explain` and the JSON schema are visitors of that description.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/units.hpp"

namespace wbsim {

enum class KeyKind : std::uint8_t {
  kText,
  kName,    // letters, digits, . _ -: safe in files and paths
  kPath,    // as kName, with /
  kChoice,  // one of `choices`
  kPair,    // two of `choices`
  kFlag,    // true or false
  kInteger,
  kReal,
  kSize,      // "64KiB", in bytes
  kDuration,  // "8.5ms", in ns
  kRate,      // "50MB/s", in bytes per second
  kQuantity,  // a number, or any of the three above
};

// A value as it passes between JSON and the scenario; sizes, durations and rates are integers.
using Scalar = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct KeySpec {
  std::string name;
  KeyKind kind = KeyKind::kText;
  std::string meaning;
  std::string reader;         // the part of the simulator that reads it
  std::string default_words;  // when the default is not one constant
  bool required = false;
  std::int64_t low = 0, high = std::numeric_limits<std::int64_t>::max();
  double real_low = 0, real_high = 0;
  std::int64_t step = 1;  // the value is a multiple of this
  std::vector<std::string> choices;
  // Only together with another value of the same object.
  std::string condition;
  bool applies = true;

  KeySpec read_by(std::string_view who) const;
  KeySpec by_default(std::string_view words) const;
  KeySpec needed() const;
  KeySpec multiple_of(std::int64_t n) const;
  KeySpec only(std::string_view when, bool holds) const;
};

KeySpec text_key(std::string_view name, std::string_view meaning);
KeySpec name_key(std::string_view name, std::string_view meaning);
KeySpec path_key(std::string_view name, std::string_view meaning);
KeySpec flag_key(std::string_view name, std::string_view meaning);
KeySpec choice_key(std::string_view name, std::vector<std::string> choices,
                   std::string_view meaning);
KeySpec pair_key(std::string_view name, std::vector<std::string> choices, std::string_view meaning);
KeySpec integer_key(std::string_view name, std::int64_t low, std::int64_t high,
                    std::string_view meaning);
KeySpec real_key(std::string_view name, double low, double high, std::string_view meaning);
KeySpec size_key(std::string_view name, std::int64_t low, std::int64_t high,
                 std::string_view meaning);
KeySpec duration_key(std::string_view name, Duration low, Duration high, std::string_view meaning);
KeySpec rate_key(std::string_view name, std::int64_t low, std::int64_t high,
                 std::string_view meaning);
KeySpec quantity_key(std::string_view name, std::string_view meaning);
KeySpec group_key(std::string_view name, std::string_view meaning);

// One value of the scenario; get() is empty when it is unset.
struct LeafSlot {
  std::function<std::optional<Scalar>()> get;
  std::function<void(const Scalar&)> set;
};

class KeyVisitor;

// An array of objects.
struct ListSlot {
  std::function<std::size_t()> size;
  std::function<void()> append;
  std::function<void(std::size_t, KeyVisitor&)> visit;
  std::function<void(KeyVisitor&)> visit_prototype;  // an element with every default
};

// An array of arrays of integers.
struct RowsSlot {
  std::vector<std::string> columns;
  std::function<std::vector<std::vector<std::int64_t>>()> get;
  std::function<void(const std::vector<std::int64_t>&)> add;
};

class KeyVisitor {
 public:
  virtual ~KeyVisitor() = default;
  virtual void leaf(const KeySpec& spec, const LeafSlot& slot) = 0;
  virtual void group(const KeySpec& spec, const std::function<void()>& members) = 0;
  virtual void list(const KeySpec& spec, const ListSlot& slot) = 0;
  virtual void rows(const KeySpec& spec, const RowsSlot& slot) = 0;
};

// A number given as such, or as text with a unit.
struct QuantityText {
  std::variant<double, std::string> value;
};

namespace detail {

template <class T>
Scalar to_scalar(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double> ||
                std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<std::string>>)
    return value;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<std::int64_t>(value);
  else if constexpr (std::is_same_v<T, Pages>)
    return to_bytes(value).count();
  else if constexpr (std::is_same_v<T, QuantityText>)
    return std::visit([](const auto& v) { return Scalar(v); }, value.value);
  else
    return static_cast<std::int64_t>(value.count());
}

template <class T>
T from_scalar(const Scalar& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double> ||
                std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<std::string>>)
    return std::get<T>(value);
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(std::get<std::int64_t>(value));
  else if constexpr (std::is_same_v<T, Pages>)
    return whole_pages(Bytes(std::get<std::int64_t>(value)));
  else if constexpr (std::is_same_v<T, QuantityText>) {
    if (const auto* number = std::get_if<double>(&value))
      return {*number};
    return {std::get<std::string>(value)};
  } else
    return T(std::get<std::int64_t>(value));
}

}  // namespace detail

// Pages stand in the file as a size, Bytes and Duration in their units, Sectors as a count.
template <class T>
LeafSlot slot(T& value) {
  return {[&value] { return std::optional<Scalar>(detail::to_scalar(value)); },
          [&value](const Scalar& s) { value = detail::from_scalar<T>(s); }};
}

template <class T>
LeafSlot slot(std::optional<T>& value) {
  return {
      [&value] { return value ? std::optional<Scalar>(detail::to_scalar(*value)) : std::nullopt; },
      [&value](const Scalar& s) { value = detail::from_scalar<T>(s); }};
}

// A count of units of `unit` bytes that stands in the file as a size.
template <class T>
LeafSlot slot_as_size(T& count, std::int64_t unit) {
  return {[&count, unit] {
            return std::optional<Scalar>(std::get<std::int64_t>(detail::to_scalar(count)) * unit);
          },
          [&count, unit](const Scalar& s) { count = T(std::get<std::int64_t>(s) / unit); }};
}

// An enumeration whose words are in the order of its values.
template <class E>
LeafSlot enum_slot(E& value, std::vector<std::string> words) {
  return {
      [&value, words] { return std::optional<Scalar>(words.at(static_cast<std::size_t>(value))); },
      [&value, words](const Scalar& s) {
        for (std::size_t i = 0; i < words.size(); ++i) {
          if (words[i] == std::get<std::string>(s))
            value = static_cast<E>(i);
        }
      }};
}

template <class T>
ListSlot list_slot(std::vector<T>& items, void (*describe)(KeyVisitor&, T&)) {
  return {[&items] { return items.size(); }, [&items] { items.emplace_back(); },
          [&items, describe](std::size_t i, KeyVisitor& v) { describe(v, items[i]); },
          [describe](KeyVisitor& v) {
            T prototype;
            describe(v, prototype);
          }};
}

}  // namespace wbsim
