#include "app/key_catalogue.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/edit_distance.hpp"
#include "app/number_text.hpp"
#include "app/scenario_schema.hpp"
#include "app/scenario_writer.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

class KeyCollector : public KeyVisitor {
 public:
  void leaf(const KeySpec& spec, const LeafSlot& slot) override {
    std::string text = spec.default_words;
    const std::optional<Scalar> value = slot.get();
    if (spec.required)
      text = "none, it must be given";
    else if (text.empty() && value)
      text = scalar_json(spec, *value).dump();
    else if (text.empty())
      text = "unset";
    entries.push_back({prefix_ + spec.name, spec, text, false});
  }
  void group(const KeySpec& spec, const std::function<void()>& members) override {
    within(spec, members);
  }
  void list(const KeySpec& spec, const ListSlot& slot) override {
    within(spec, [&] { slot.visit_prototype(*this); });
  }
  void rows(const KeySpec& spec, const RowsSlot& slot) override {
    KeySpec with_columns = spec;
    with_columns.choices = slot.columns;
    entries.push_back({prefix_ + spec.name, with_columns, "[]", false});
  }

  std::vector<CatalogueEntry> entries;

 private:
  void within(const KeySpec& spec, const std::function<void()>& members) {
    entries.push_back({prefix_ + spec.name, spec, "", true});
    const std::string outer = prefix_;
    prefix_ += spec.name + ".";
    members();
    prefix_ = outer;
  }

  std::string prefix_;
};

// Separators become dots, indices and brackets go.
std::string normalised(std::string_view asked) {
  std::string path, part;
  const auto flush = [&] {
    const bool index = part.find_first_not_of("0123456789") == std::string::npos;
    if (!index)
      path += (path.empty() ? "" : ".") + part;
    part.clear();
  };
  for (const char c : asked) {
    if (c == '/' || c == '.' || c == '[' || c == ']')
      flush();
    else
      part += c;
  }
  flush();
  return path;
}

std::string leaf_of(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

}  // namespace

std::vector<CatalogueEntry> key_catalogue() {
  ScenarioFile prototype;
  KeyCollector collector;
  describe(collector, prototype);
  return std::move(collector.entries);
}

std::vector<CatalogueEntry> find_keys(const std::vector<CatalogueEntry>& all,
                                      std::string_view asked) {
  const std::string path = normalised(asked);
  std::vector<CatalogueEntry> found;
  const auto collect = [&](auto matches) {
    if (found.empty())
      std::copy_if(all.begin(), all.end(), std::back_inserter(found), matches);
  };
  collect([&](const CatalogueEntry& e) { return e.path == path; });
  collect([&](const CatalogueEntry& e) { return e.path.ends_with("." + path); });
  return found;
}

std::vector<std::string> nearest_keys(const std::vector<CatalogueEntry>& all,
                                      std::string_view asked) {
  const std::string path = normalised(asked);
  constexpr std::size_t kMost = 5;
  std::vector<std::string> paths, leaves, result;
  for (const CatalogueEntry& e : all) {
    paths.push_back(e.path);
    leaves.push_back(leaf_of(e.path));
  }
  for (const std::string& near : nearest_names(leaf_of(path), leaves, kMost)) {
    for (const std::string& candidate : paths) {
      if (leaf_of(candidate) == near &&
          std::find(result.begin(), result.end(), candidate) == result.end())
        result.push_back(candidate);
    }
  }
  if (result.empty())
    result = nearest_names(path, paths, kMost);
  return result;
}

std::string kind_text(const KeySpec& spec) {
  switch (spec.kind) {
    case KeyKind::kText:
      return "text";
    case KeyKind::kName:
      return "a name";
    case KeyKind::kPath:
      return "a path";
    case KeyKind::kChoice:
      return "one word";
    case KeyKind::kPair:
      return "an array of two words";
    case KeyKind::kFlag:
      return "true or false";
    case KeyKind::kInteger:
      return "a whole number";
    case KeyKind::kReal:
      return "a number";
    case KeyKind::kSize:
      return "a size, as \"64KiB\"";
    case KeyKind::kDuration:
      return "a duration, as \"8.5ms\"";
    case KeyKind::kRate:
      return "a rate, as \"50MB/s\"";
    case KeyKind::kQuantity:
      return "a number, or a size, duration or rate with its unit";
  }
  return "";
}

std::string range_text(const KeySpec& spec) {
  std::string text;
  if (spec.kind == KeyKind::kInteger)
    text = std::to_string(spec.low) + " to " + std::to_string(spec.high);
  else if (spec.kind == KeyKind::kReal)
    text = number_text(spec.real_low) + " to " + number_text(spec.real_high);
  else if (spec.kind == KeyKind::kSize)
    text = size_text(spec.low) + " to " + size_text(spec.high);
  else if (spec.kind == KeyKind::kDuration)
    text = duration_text(spec.low) + " to " + duration_text(spec.high);
  else if (spec.kind == KeyKind::kRate)
    text = rate_text(spec.low) + " to " + rate_text(spec.high);
  for (const std::string& choice : spec.choices)
    text += (text.empty() ? "" : " ") + choice;
  if (spec.step > 1)
    text += ", in steps of " +
            (spec.kind == KeyKind::kSize ? size_text(spec.step) : std::to_string(spec.step));
  return text;
}

}  // namespace wbsim
