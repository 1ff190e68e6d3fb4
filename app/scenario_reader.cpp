#include "app/scenario_reader.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "app/edit_distance.hpp"
#include "app/number_text.hpp"
#include "app/scenario_schema.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

std::string shown_value(const Json& value) {
  if (value.is_string())
    return shown(value.get_ref<const std::string&>());
  if (value.is_structured())
    return value.is_array() ? "an array" : "an object";
  return value.is_number_float() ? number_text(value.get<double>()) : value.dump();
}

bool whole_number(std::string_view text, int& value) {
  const char* const end = text.data() + text.size();
  const auto [after, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && after == end;
}

bool is_safe_name(std::string_view text, bool with_slash) {
  constexpr std::size_t kLongest = 64;
  const auto safe = [with_slash](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || (with_slash && c == '/');
  };
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), safe) &&
         text != "." && text != "..";
}

// "NAME/3" where "NAME/1" is read.
bool is_newer_format(std::string_view word, std::string_view ours) {
  const std::size_t slash = ours.find('/');
  int version = 0, own = 0;
  return slash != std::string_view::npos && word.starts_with(ours.substr(0, slash + 1)) &&
         whole_number(word.substr(slash + 1), version) &&
         whole_number(ours.substr(slash + 1), own) && version > own;
}

// Converts one value, or says what is wrong with it.
class LeafReader {
 public:
  LeafReader(const KeySpec& spec, const Json& value, std::string pointer, Problems& problems)
      : spec_(spec), value_(value), pointer_(std::move(pointer)), problems_(problems) {}

  std::optional<Scalar> read() const {
    switch (spec_.kind) {
      case KeyKind::kText:
        return text();
      case KeyKind::kName:
      case KeyKind::kPath:
        return name();
      case KeyKind::kChoice:
        return choice(value_, pointer_);
      case KeyKind::kPair:
        return pair();
      case KeyKind::kFlag:
        return value_.is_boolean() ? std::optional<Scalar>(value_.get<bool>())
                                   : wrong_type("true or false");
      case KeyKind::kInteger:
        return integer();
      case KeyKind::kReal:
        return real();
      case KeyKind::kSize:
      case KeyKind::kDuration:
      case KeyKind::kRate:
        return with_unit();
      case KeyKind::kQuantity:
        return quantity();
    }
    return std::nullopt;
  }

 private:
  std::nullopt_t fail(std::string message, std::string hint = {}) const {
    problems_.error(pointer_, std::move(message), std::move(hint));
    return std::nullopt;
  }
  std::nullopt_t wrong_type(std::string_view wanted, std::string hint = {}) const {
    return fail(shown_value(value_) + " is not " + std::string(wanted), std::move(hint));
  }

  std::optional<Scalar> text() const {
    if (!value_.is_string())
      return wrong_type("a string");
    if (value_.get_ref<const std::string&>().empty())
      return fail("is empty");
    return value_.get<std::string>();
  }
  std::optional<Scalar> name() const {
    if (!value_.is_string())
      return wrong_type("a string");
    if (!is_safe_name(value_.get_ref<const std::string&>(), spec_.kind == KeyKind::kPath))
      return fail(shown_value(value_) + " is not a name",
                  "letters, digits, \".\", \"_\" and \"-\", at most 64" +
                      std::string(spec_.kind == KeyKind::kPath ? ", parted by \"/\"" : ""));
    return value_.get<std::string>();
  }
  std::optional<Scalar> choice(const Json& value, const std::string& pointer) const {
    const auto& all = spec_.choices;
    if (value.is_string()) {
      const auto& word = value.get_ref<const std::string&>();
      if (std::find(all.begin(), all.end(), word) != all.end())
        return word;
      if (all.size() == 1 && is_newer_format(word, all.front()))
        problems_.error(pointer, shown(word) + " is not known: the file is for a newer wbsim",
                        "this one reads " + all.front());
      else
        problems_.error(pointer, shown(word) + " is not known", name_hint(word, all));
      return std::nullopt;
    }
    problems_.error(pointer, shown_value(value) + " is not a string", name_hint("", all));
    return std::nullopt;
  }
  std::optional<Scalar> pair() const {
    if (!value_.is_array() || value_.size() != 2)
      return wrong_type("an array of two names", name_hint("", spec_.choices));
    std::vector<std::string> names;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::optional<Scalar> word = choice(value_[i], child(pointer_, i));
      if (!word)
        return std::nullopt;
      names.push_back(std::get<std::string>(*word));
    }
    return names;
  }
  std::optional<Scalar> integer() const {
    if (!value_.is_number_integer())
      return wrong_type("a whole number");
    return in_range(value_.get<std::int64_t>());
  }
  std::optional<Scalar> real() const {
    if (!value_.is_number())
      return wrong_type("a number");
    const auto number = value_.get<double>();
    if (number < spec_.real_low || number > spec_.real_high)
      return fail(shown_value(value_) + " is out of range",
                  number_text(spec_.real_low) + " to " + number_text(spec_.real_high));
    return number;
  }
  UnitValue parse(std::string_view text) const {
    return spec_.kind == KeyKind::kSize       ? parse_size(text)
           : spec_.kind == KeyKind::kDuration ? parse_duration(text)
                                              : parse_rate(text);
  }
  std::string spelt(std::int64_t value) const {
    return spec_.kind == KeyKind::kSize       ? size_text(value)
           : spec_.kind == KeyKind::kDuration ? duration_text(value)
           : spec_.kind == KeyKind::kRate     ? rate_text(value)
                                              : std::to_string(value);
  }
  std::optional<Scalar> with_unit() const {
    const char* example = spec_.kind == KeyKind::kSize       ? "64KiB"
                          : spec_.kind == KeyKind::kDuration ? "8.5ms"
                                                             : "50MB/s";
    const std::string hint = std::string("a string with a unit, as in \"") + example + "\"";
    if (value_.is_number())
      return fail(shown_value(value_) + " has no unit", hint);
    if (!value_.is_string())
      return wrong_type("a string", hint);
    const UnitValue parsed = parse(value_.get_ref<const std::string&>());
    if (!parsed.error.empty())
      return fail(parsed.error, parsed.hint);
    return in_range(parsed.value);
  }
  std::optional<Scalar> in_range(std::int64_t value) const {
    if (value < spec_.low || value > spec_.high)
      return fail(shown_value(value_) + " is out of range",
                  spelt(spec_.low) + " to " + spelt(spec_.high));
    if (value % spec_.step != 0)
      return fail(shown_value(value_) + " is not a multiple of " + spelt(spec_.step),
                  spelt(std::max(value - value % spec_.step, spec_.step)) + " is one");
    return value;
  }
  std::optional<Scalar> quantity() const {
    if (value_.is_number())
      return value_.get<double>();
    if (!value_.is_string())
      return wrong_type("a number or a string with a unit");
    const auto& text = value_.get_ref<const std::string&>();
    if (parse_size(text).error.empty() || parse_duration(text).error.empty() ||
        parse_rate(text).error.empty())
      return text;
    return fail(shown_value(value_) + " is neither a size, nor a duration, nor a rate",
                "a number, or as \"64KiB\", \"8.5ms\", \"50MB/s\"");
  }

  const KeySpec& spec_;
  const Json& value_;
  std::string pointer_;
  Problems& problems_;
};

class ScenarioReader : public KeyVisitor {
 public:
  ScenarioReader(const Json& document, Problems& problems)
      : problems_(problems), frame_{&document, "", "", {}, {}, {}} {}

  void leaf(const KeySpec& spec, const LeafSlot& slot) override {
    const Json* value = find(spec);
    if (value == nullptr)
      return;
    const std::string pointer = child(frame_.pointer, spec.name);
    if (const std::optional<Scalar> scalar = LeafReader(spec, *value, pointer, problems_).read())
      slot.set(*scalar);
  }

  void group(const KeySpec& spec, const std::function<void()>& members) override {
    if (const Json* value = find(spec))
      in_object(*value, child(frame_.pointer, spec.name), spec.name, members);
  }

  void list(const KeySpec& spec, const ListSlot& slot) override {
    const Json* value = find(spec);
    if (value == nullptr)
      return;
    const std::string pointer = child(frame_.pointer, spec.name);
    if (!value->is_array()) {
      problems_.error(pointer, shown_value(*value) + " is not an array of objects");
      return;
    }
    if (spec.required && value->empty())
      problems_.error(pointer, "is empty");
    for (std::size_t i = 0; i < value->size(); ++i) {
      slot.append();
      in_object((*value)[i], child(pointer, i), "", [&] { slot.visit(i, *this); });
    }
  }

  void rows(const KeySpec& spec, const RowsSlot& slot) override {
    const Json* value = find(spec);
    if (value == nullptr)
      return;
    const std::string pointer = child(frame_.pointer, spec.name);
    if (!value->is_array()) {
      problems_.error(pointer, shown_value(*value) + " is not an array");
      return;
    }
    for (std::size_t i = 0; i < value->size(); ++i)
      read_row((*value)[i], child(pointer, i), slot);
  }

  // Every key that nobody asked for.
  void finish() {
    if (!frame_.object->is_object())
      return;
    for (const auto& [key, unused] : frame_.object->items()) {
      if (frame_.seen.contains(key))
        continue;
      const std::string pointer = child(frame_.pointer, key);
      if (const auto found = frame_.inapplicable.find(key); found != frame_.inapplicable.end()) {
        if (!problems_.excused(pointer))
          problems_.error(pointer, "stands only " + found->second);
        continue;
      }
      problems_.error(pointer, "unknown key", name_hint(key, frame_.allowed));
      if (const auto meant = nearest_name(key, frame_.allowed))
        problems_.spoil(child(frame_.pointer, *meant));
    }
  }

 private:
  struct Frame {
    const Json* object;
    std::string pointer;
    std::string name;
    std::vector<std::string> allowed;
    std::set<std::string> seen;
    std::map<std::string, std::string> inapplicable;
  };

  const Json* find(const KeySpec& spec) {
    if (!spec.applies) {
      frame_.inapplicable.emplace(spec.name, spec.condition);
      return nullptr;
    }
    frame_.allowed.push_back(spec.name);
    if (!frame_.object->is_object())
      return nullptr;
    // A sysctl may stand with its full name: "vm.dirty_ratio" in "vm".
    const Json* found = nullptr;
    for (const std::string& spelling : {spec.name, frame_.name + "." + spec.name}) {
      const auto at = frame_.object->find(spelling);
      if (at == frame_.object->end())
        continue;
      frame_.seen.insert(spelling);
      if (found != nullptr)
        problems_.error(child(frame_.pointer, spelling), "duplicate key");
      found = &*at;
    }
    if (found == nullptr && spec.required)
      missing_.emplace_back(child(frame_.pointer, spec.name));
    return found;
  }

  void in_object(const Json& value, const std::string& pointer, const std::string& name,
                 const std::function<void()>& members) {
    Frame outer = std::move(frame_);
    std::vector<std::string> outer_missing = std::move(missing_);
    missing_.clear();
    frame_ = {&value, pointer, name, {}, {}, {}};
    if (!value.is_object())
      problems_.error(pointer, shown_value(value) + " is not an object");
    members();
    finish();
    report_missing();
    frame_ = std::move(outer);
    missing_ = std::move(outer_missing);
  }

  void read_row(const Json& row, const std::string& pointer, const RowsSlot& slot) {
    std::string columns;
    for (const std::string& column : slot.columns)
      columns += (columns.empty() ? "[" : ", ") + column;
    std::vector<std::int64_t> numbers;
    bool good = row.is_array() && row.size() == slot.columns.size();
    for (std::size_t i = 0; good && i < row.size(); ++i) {
      constexpr std::int64_t kMostBlocks = std::int64_t{1} << 50;
      good = row[i].is_number_integer() && row[i].get<std::int64_t>() >= 0 &&
             row[i].get<std::int64_t>() <= kMostBlocks;
      if (good)
        numbers.push_back(row[i].get<std::int64_t>());
    }
    if (good)
      slot.add(numbers);
    else
      problems_.error(pointer, "is not " + columns + "] in whole numbers from 0 on");
  }

 public:
  // A key that was misspelt is not also reported as missing.
  void report_missing() {
    for (const std::string& pointer : missing_) {
      if (problems_.usable(pointer))
        problems_.error(pointer, "is missing");
    }
    missing_.clear();
  }

 private:
  Problems& problems_;
  Frame frame_;
  std::vector<std::string> missing_;
};

}  // namespace

ScenarioFile read_scenario(const Json& document, Problems& problems) {
  ScenarioFile file;
  if (!document.is_object()) {
    problems.error("", "is " + shown_value(document) + ", not an object");
    return file;
  }
  ScenarioReader reader(document, problems);
  describe(reader, file);
  reader.finish();
  reader.report_missing();
  return file;
}

}  // namespace wbsim
