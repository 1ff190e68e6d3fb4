#include "app/scenario_writer.hpp"

#include <nlohmann/json.hpp>

#include "app/scenario_schema.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

class Writer : public KeyVisitor {
 public:
  explicit Writer(Json& object) : object_(&object) {}

  void leaf(const KeySpec& spec, const LeafSlot& slot) override {
    if (!spec.applies)
      return;
    if (const std::optional<Scalar> value = slot.get())
      (*object_)[spec.name] = scalar_json(spec, *value);
  }
  void group(const KeySpec& spec, const std::function<void()>& members) override {
    in_object((*object_)[spec.name], members);
  }
  void list(const KeySpec& spec, const ListSlot& slot) override {
    if (!spec.applies)
      return;
    Json items = Json::array();
    for (std::size_t i = 0; i < slot.size(); ++i) {
      Json item;
      in_object(item, [&] { slot.visit(i, *this); });
      items.push_back(std::move(item));
    }
    (*object_)[spec.name] = std::move(items);
  }
  void rows(const KeySpec& spec, const RowsSlot& slot) override {
    if (!spec.applies)
      return;
    Json items = Json::array();
    for (const std::vector<std::int64_t>& row : slot.get())
      items.push_back(row);
    (*object_)[spec.name] = std::move(items);
  }

 private:
  void in_object(Json& object, const std::function<void()>& members) {
    object = Json::object();
    Json* outer = object_;
    object_ = &object;
    members();
    object_ = outer;
  }

  Json* object_;
};

}  // namespace

Json scalar_json(const KeySpec& spec, const Scalar& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    if (spec.kind == KeyKind::kSize)
      return size_text(*integer);
    if (spec.kind == KeyKind::kDuration)
      return duration_text(*integer);
    if (spec.kind == KeyKind::kRate)
      return rate_text(*integer);
  }
  return std::visit([](const auto& v) { return Json(v); }, value);
}

Json resolved_json(const ScenarioFile& file) {
  ScenarioFile copy = file;
  Json document = Json::object();
  Writer writer(document);
  describe(writer, copy);
  return document;
}

}  // namespace wbsim
