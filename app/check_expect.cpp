#include <nlohmann/json.hpp>

#include "app/edit_distance.hpp"
#include "app/expectation.hpp"
#include "app/scenario_check.hpp"
#include "app/summary_json.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, unused] : object.items())
    keys.push_back(key);
  return keys;
}

// The escapes of RFC 6901.
std::string unescaped(std::string part) {
  for (const auto& [escape, plain] : {std::pair{"~1", '/'}, std::pair{"~0", '~'}}) {
    for (std::size_t at = 0; (at = part.find(escape, at)) != std::string::npos; ++at)
      part.replace(at, 2, 1, plain);
  }
  return part;
}

// Follows the pointer as far as it goes and says where it leaves the summary.
void check_metric(const std::string& metric, const Json& summary, const std::string& at,
                  Problems& problems) {
  if (!metric.starts_with('/')) {
    problems.error(at, shown(metric) + " is not a JSON pointer: it begins with /");
    return;
  }
  const Json* here = &summary;
  std::size_t begin = 1;
  while (begin <= metric.size()) {
    const std::size_t end = std::min(metric.find('/', begin), metric.size());
    const std::string part = unescaped(metric.substr(begin, end - begin));
    if (!here->is_object() || !here->contains(part)) {
      problems.error(at, shown(metric) + " is not in summary.json: " + shown(part),
                     here->is_object() ? name_hint(part, keys_of(*here)) : "");
      return;
    }
    here = &(*here)[part];
    begin = end + 1;
  }
  if (here->is_structured())
    problems.error(at, shown(metric) + " is not one number",
                   here->is_object() ? name_hint("", keys_of(*here)) : "");
}

void check_bound(const std::optional<QuantityText>& bound, const Expectation& e,
                 const std::string& at, Problems& problems) {
  if (bound && !bound_value(*bound, e.metric))
    problems.error(at, "the unit does not fit " + shown(e.metric),
                   "sizes for ..._bytes, rates for .../bw_bytes, durations for ..._s and ..._ns");
}

}  // namespace

void check_expect(const ScenarioFile& file, Problems& problems) {
  const bool names_known = problems.usable_below("/workloads", "name") &&
                           problems.usable_below("/devices", "name") &&
                           problems.usable_below("/workloads", "numjobs");
  const Json summary = summary_skeleton(file.scenario);
  for (std::size_t i = 0; i < file.expect.size(); ++i) {
    const Expectation& e = file.expect[i];
    const std::string at = child("/expect", i);
    if (problems.usable(at + "/metric") && names_known)
      check_metric(e.metric, summary, at + "/metric", problems);
    if (!problems.usable_below(at, "metric"))
      continue;
    check_bound(e.at_least, e, at + "/at_least", problems);
    check_bound(e.at_most, e, at + "/at_most", problems);
    check_bound(e.equals, e, at + "/equals", problems);
    if (e.since && e.until && find_kernel(*e.since) > find_kernel(*e.until))
      problems.error(at + "/until", "is an earlier kernel than /since, " + shown(*e.since));
    const bool any = e.at_least || e.at_most || e.equals || e.ratio_at_least || e.ratio_at_most;
    if (!any && problems.usable(at + "/compare") && problems.usable_below(at, "at_least") &&
        problems.usable_below(at, "at_most"))
      problems.error(
          at, "has no bound",
          e.compare ? "give ratio_at_least or ratio_at_most" : "give at_least, at_most or equals");
  }
}

}  // namespace wbsim
