#include "app/key_spec.hpp"

#include <utility>

namespace wbsim {
namespace {

KeySpec make(std::string_view name, KeyKind kind, std::string_view meaning) {
  KeySpec spec;
  spec.name = name;
  spec.kind = kind;
  spec.meaning = meaning;
  return spec;
}

KeySpec ranged(std::string_view name, KeyKind kind, std::int64_t low, std::int64_t high,
               std::string_view meaning) {
  KeySpec spec = make(name, kind, meaning);
  spec.low = low;
  spec.high = high;
  return spec;
}

}  // namespace

KeySpec KeySpec::read_by(std::string_view who) const {
  KeySpec spec = *this;
  spec.reader = who;
  return spec;
}

KeySpec KeySpec::by_default(std::string_view words) const {
  KeySpec spec = *this;
  spec.default_words = words;
  return spec;
}

KeySpec KeySpec::needed() const {
  KeySpec spec = *this;
  spec.required = true;
  return spec;
}

KeySpec KeySpec::multiple_of(std::int64_t n) const {
  KeySpec spec = *this;
  spec.step = n;
  return spec;
}

KeySpec KeySpec::only(std::string_view when, bool holds) const {
  KeySpec spec = *this;
  spec.condition = when;
  spec.applies = holds;
  return spec;
}

KeySpec text_key(std::string_view name, std::string_view meaning) {
  return make(name, KeyKind::kText, meaning);
}

KeySpec name_key(std::string_view name, std::string_view meaning) {
  return make(name, KeyKind::kName, meaning);
}

KeySpec path_key(std::string_view name, std::string_view meaning) {
  return make(name, KeyKind::kPath, meaning);
}

KeySpec flag_key(std::string_view name, std::string_view meaning) {
  return make(name, KeyKind::kFlag, meaning);
}

KeySpec choice_key(std::string_view name, std::vector<std::string> choices,
                   std::string_view meaning) {
  KeySpec spec = make(name, KeyKind::kChoice, meaning);
  spec.choices = std::move(choices);
  return spec;
}

KeySpec pair_key(std::string_view name, std::vector<std::string> choices,
                 std::string_view meaning) {
  KeySpec spec = make(name, KeyKind::kPair, meaning);
  spec.choices = std::move(choices);
  return spec;
}

KeySpec integer_key(std::string_view name, std::int64_t low, std::int64_t high,
                    std::string_view meaning) {
  return ranged(name, KeyKind::kInteger, low, high, meaning);
}

KeySpec real_key(std::string_view name, double low, double high, std::string_view meaning) {
  KeySpec spec = make(name, KeyKind::kReal, meaning);
  spec.real_low = low;
  spec.real_high = high;
  return spec;
}

KeySpec size_key(std::string_view name, std::int64_t low, std::int64_t high,
                 std::string_view meaning) {
  return ranged(name, KeyKind::kSize, low, high, meaning);
}

KeySpec duration_key(std::string_view name, Duration low, Duration high, std::string_view meaning) {
  return ranged(name, KeyKind::kDuration, low.count(), high.count(), meaning);
}

KeySpec rate_key(std::string_view name, std::int64_t low, std::int64_t high,
                 std::string_view meaning) {
  return ranged(name, KeyKind::kRate, low, high, meaning);
}

KeySpec quantity_key(std::string_view name, std::string_view meaning) {
  return make(name, KeyKind::kQuantity, meaning);
}

KeySpec group_key(std::string_view name, std::string_view meaning) {
  return make(name, KeyKind::kText, meaning);
}

}  // namespace wbsim
