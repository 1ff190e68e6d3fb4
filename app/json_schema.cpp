#include "app/json_schema.hpp"

#include <nlohmann/json.hpp>

#include "app/scenario_schema.hpp"
#include "app/scenario_writer.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

Json pattern_type(std::string_view pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

Json leaf_type(const KeySpec& spec) {
  switch (spec.kind) {
    case KeyKind::kText:
      return {{"type", "string"}, {"minLength", 1}};
    case KeyKind::kName:
      return {{"type", "string"}, {"pattern", "^[A-Za-z0-9._-]+$"}, {"maxLength", 64}};
    case KeyKind::kPath:
      return {{"type", "string"}, {"pattern", "^[A-Za-z0-9._/-]+$"}, {"maxLength", 64}};
    case KeyKind::kChoice:
      return {{"enum", spec.choices}};
    case KeyKind::kPair:
      return {
          {"type", "array"}, {"items", {{"enum", spec.choices}}}, {"minItems", 2}, {"maxItems", 2}};
    case KeyKind::kFlag:
      return {{"type", "boolean"}};
    case KeyKind::kInteger: {
      Json type = {{"type", "integer"}, {"minimum", spec.low}, {"maximum", spec.high}};
      if (spec.step > 1)
        type["multipleOf"] = spec.step;
      return type;
    }
    case KeyKind::kReal:
      return {{"type", "number"}, {"minimum", spec.real_low}, {"maximum", spec.real_high}};
    case KeyKind::kSize:
      return pattern_type(size_pattern());
    case KeyKind::kDuration:
      return pattern_type(duration_pattern());
    case KeyKind::kRate:
      return pattern_type(rate_pattern());
    case KeyKind::kQuantity:
      return {{"type", {"number", "string"}}};
  }
  return Json::object();
}

class SchemaWriter : public KeyVisitor {
 public:
  SchemaWriter() : node_(new_object("")) {}
  Json take() { return std::move(node_); }

  void leaf(const KeySpec& spec, const LeafSlot& slot) override {
    Json type = leaf_type(spec);
    std::string words = spec.meaning;
    if (!spec.condition.empty())
      words += " (" + spec.condition + ")";
    // A key that two models read: its first description stands, with both meanings.
    Json& properties = node_["properties"];
    if (properties.contains(spec.name)) {
      Json& text = properties[spec.name]["description"];
      text = text.get<std::string>() + "; " + words;
      return;
    }
    type["description"] = words;
    const std::optional<Scalar> value = slot.get();
    if (value && !spec.required && spec.default_words.empty())
      type["default"] = scalar_json(spec, *value);
    add(spec, std::move(type), spec.condition.empty());
  }
  void group(const KeySpec& spec, const std::function<void()>& members) override {
    Json type = nested(spec.meaning, members);
    type["patternProperties"] = {{"^" + spec.name + "\\.", Json::object()}};  // full sysctl names
    add(spec, std::move(type), true);
  }
  void list(const KeySpec& spec, const ListSlot& slot) override {
    Json items = nested("", [&] { slot.visit_prototype(*this); });
    Json type = {{"type", "array"}, {"description", spec.meaning}, {"items", std::move(items)}};
    if (spec.required)
      type["minItems"] = 1;
    add(spec, std::move(type), true);
  }
  void rows(const KeySpec& spec, const RowsSlot& slot) override {
    std::string words = spec.meaning + ": [";
    for (const std::string& column : slot.columns)
      words += (&column == &slot.columns.front() ? "" : ", ") + column;
    const Json row = {{"type", "array"},
                      {"items", {{"type", "integer"}, {"minimum", 0}}},
                      {"minItems", slot.columns.size()},
                      {"maxItems", slot.columns.size()}};
    add(spec, {{"type", "array"}, {"description", words + "]"}, {"items", row}}, true);
  }

 private:
  static Json new_object(const std::string& meaning) {
    Json object = {{"type", "object"}};
    if (!meaning.empty())
      object["description"] = meaning;
    object["properties"] = Json::object();
    object["required"] = Json::array();
    object["additionalProperties"] = false;
    return object;
  }
  Json nested(const std::string& meaning, const std::function<void()>& members) {
    Json outer = std::move(node_);
    node_ = new_object(meaning);
    members();
    std::swap(outer, node_);
    return outer;
  }
  void add(const KeySpec& spec, Json type, bool always) {
    node_["properties"][spec.name] = std::move(type);
    if (spec.required && always)
      node_["required"].push_back(spec.name);
  }

  Json node_;
};

}  // namespace

Json scenario_json_schema() {
  ScenarioFile prototype;
  SchemaWriter writer;
  describe(writer, prototype);
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", kScenarioSchema}};
  schema.update(writer.take());
  return schema;
}

}  // namespace wbsim
