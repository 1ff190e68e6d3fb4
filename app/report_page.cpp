#include <nlohmann/json.hpp>

#include "app/report_assets.hpp"
#include "app/report_data.hpp"

namespace wbsim {
namespace {

void replace(std::string& page, std::string_view mark, std::string_view text) {
  page.replace(page.find(mark), mark.size(), text);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

}  // namespace

std::string report_page(const Json& data) {
  // In a script element only "</" and "<!--" could end the data early.
  std::string json = data.dump();
  for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos;)
    json.replace(at, 1, "\\u003c");
  std::string page(report_html());
  replace(page, "@TITLE@", escaped(data.value("name", "wbsim")));
  replace(page, "/*STYLE*/", report_css());
  replace(page, "/*SCRIPT*/", report_js());
  replace(page, "@DATA@", json);
  return page;
}

}  // namespace wbsim
