#include "app/expectation.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/number_text.hpp"
#include "app/units_parse.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

bool same_kernel(std::string_view a, std::string_view b) {
  return a == b || (find_kernel(a) != nullptr && find_kernel(a) == find_kernel(b));
}

std::optional<double> metric_value(const Json& summary, const std::string& metric) {
  const nlohmann::json_pointer<std::string> pointer(metric);
  if (!summary.contains(pointer))
    return std::nullopt;
  const Json& value = summary.at(pointer);
  if (!value.is_number())
    return std::nullopt;
  return value.get<double>();
}

std::string bound_text(const QuantityText& bound) {
  if (const auto* number = std::get_if<double>(&bound.value))
    return number_text(*number);
  return std::get<std::string>(bound.value);
}

// Adds one result for each bound that is given.
class Judge {
 public:
  Judge(ExpectResult prototype, std::vector<ExpectResult>& out)
      : prototype_(std::move(prototype)), out_(out) {}

  void at_least(const std::optional<double>& bound, const std::string& text) {
    add(bound, ">= " + text, [](double value, double limit) { return value >= limit; });
  }
  void at_most(const std::optional<double>& bound, const std::string& text) {
    add(bound, "<= " + text, [](double value, double limit) { return value <= limit; });
  }
  void equals(const std::optional<double>& bound, const std::string& text) {
    add(bound, "= " + text, [](double value, double limit) { return value == limit; });
  }

 private:
  template <class Holds>
  void add(const std::optional<double>& bound, const std::string& text, Holds holds) {
    ExpectResult result = prototype_;
    result.bound = text;
    result.ok = bound && result.value && holds(*result.value, *bound);
    out_.push_back(std::move(result));
  }

  ExpectResult prototype_;
  std::vector<ExpectResult>& out_;
};

}  // namespace

std::optional<double> bound_value(const QuantityText& bound, std::string_view metric) {
  if (const auto* number = std::get_if<double>(&bound.value))
    return *number;
  const auto& text = std::get<std::string>(bound.value);
  const UnitValue duration = parse_duration(text);
  const bool in_seconds = metric.ends_with("_s");
  const bool is_time = in_seconds || metric.find("_ns") != std::string_view::npos;
  if (duration.error.empty()) {
    if (!is_time)
      return std::nullopt;
    return static_cast<double>(duration.value) / (in_seconds ? 1e9 : 1.0);
  }
  if (is_time)
    return std::nullopt;
  const bool is_rate = metric.ends_with("bw_bytes");
  const UnitValue other = is_rate ? parse_rate(text) : parse_size(text);
  if (!other.error.empty() || (!is_rate && !metric.ends_with("bytes")))
    return std::nullopt;
  return static_cast<double>(other.value);
}

namespace {
// The table of kernels is in the order of their releases.
bool concerns(const Expectation& e, const std::string& preset) {
  if (e.compare || (e.kernel && !same_kernel(*e.kernel, preset)))
    return false;
  const KernelRow* const row = find_kernel(preset);
  return (!e.since || row >= find_kernel(*e.since)) && (!e.until || row <= find_kernel(*e.until));
}
}  // namespace

std::vector<ExpectResult> check_single(const std::vector<Expectation>& expect,
                                       const NamedSummary& run) {
  std::vector<ExpectResult> results;
  for (const Expectation& e : expect) {
    if (!concerns(e, run.preset))
      continue;
    Judge judge({e.metric, run.name, metric_value(*run.summary, e.metric), "", false}, results);
    if (e.at_least)
      judge.at_least(bound_value(*e.at_least, e.metric), bound_text(*e.at_least));
    if (e.at_most)
      judge.at_most(bound_value(*e.at_most, e.metric), bound_text(*e.at_most));
    if (e.equals)
      judge.equals(bound_value(*e.equals, e.metric), bound_text(*e.equals));
  }
  return results;
}

std::vector<ExpectResult> check_ratios(const std::vector<Expectation>& expect,
                                       const std::vector<NamedSummary>& runs) {
  const auto find = [&runs](const std::string& kernel) {
    return std::find_if(runs.begin(), runs.end(),
                        [&](const NamedSummary& run) { return same_kernel(kernel, run.preset); });
  };
  std::vector<ExpectResult> results;
  for (const Expectation& e : expect) {
    if (!e.compare)
      continue;
    const auto first = find(e.compare->at(0)), second = find(e.compare->at(1));
    if (first == runs.end() || second == runs.end())
      continue;
    const auto above = metric_value(*first->summary, e.metric);
    const auto below = metric_value(*second->summary, e.metric);
    std::optional<double> ratio;
    if (above && below && *below != 0)
      ratio = *above / *below;
    Judge judge({e.metric, first->name + " / " + second->name, ratio, "", false}, results);
    if (e.ratio_at_least)
      judge.at_least(e.ratio_at_least, number_text(*e.ratio_at_least));
    if (e.ratio_at_most)
      judge.at_most(e.ratio_at_most, number_text(*e.ratio_at_most));
  }
  return results;
}

Json expect_json(const std::vector<ExpectResult>& results) {
  Json list = Json::array();
  for (const ExpectResult& r : results) {
    Json item;
    item["metric"] = r.metric;
    item["run"] = r.scope;
    item["bound"] = r.bound;
    item["value"] = r.value ? Json(*r.value) : Json(nullptr);
    item["ok"] = r.ok;
    list.push_back(std::move(item));
  }
  return list;
}

bool all_ok(const std::vector<ExpectResult>& results) {
  return std::all_of(results.begin(), results.end(), [](const ExpectResult& r) { return r.ok; });
}

namespace {

// In the unit of the metric, short: "53.9 MB/s", "5.03 s".
std::string value_text(const ExpectResult& r) {
  if (!r.value)
    return "not there";
  const bool is_ratio = r.scope.find('/') != std::string::npos;
  if (is_ratio || r.metric.ends_with("clat_ns/N"))
    return short_text(*r.value);
  if (r.metric.ends_with("_s"))
    return human_time(*r.value * 1e9);
  if (r.metric.find("_ns") != std::string::npos)
    return human_time(*r.value);
  if (r.metric.ends_with("bw_bytes"))
    return fixed_text(*r.value * 1e-6, 1) + " MB/s";
  return r.metric.ends_with("bytes") ? human_bytes(*r.value) : short_text(*r.value);
}

}  // namespace

std::string expect_text(const std::vector<ExpectResult>& results) {
  std::string out;
  for (const ExpectResult& r : results) {
    out += r.ok ? "  ok      " : "  FAILED  ";
    out += r.scope + ": " + r.metric + " " + r.bound + "   is " + value_text(r) + "\n";
  }
  return out;
}

}  // namespace wbsim
