#include <iostream>
#include <set>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/key_catalogue.hpp"
#include "app/problems.hpp"
#include "app/text_table.hpp"

namespace wbsim {
namespace {

void print_field(const char* name, const std::string& text) {
  if (!text.empty())
    std::cout << "  " << name << text << "\n";
}

void print_members(const CatalogueEntry& group, const std::vector<CatalogueEntry>& all) {
  const std::string prefix = group.path + ".";
  std::string members;
  std::set<std::string> seen;  // a key that two device models have stands once
  for (const CatalogueEntry& e : all) {
    const bool is_member =
        e.path.starts_with(prefix) && e.path.find('.', prefix.size()) == std::string::npos;
    if (is_member && seen.insert(e.path).second)
      members += (members.empty() ? "" : " ") + e.path.substr(prefix.size());
  }
  print_field("holds    ", members);
}

void print_entry(const CatalogueEntry& e, const std::vector<CatalogueEntry>& all) {
  std::cout << e.path << "\n";
  print_field("meaning  ", e.spec.meaning);
  if (e.is_group) {
    print_members(e, all);
    return;
  }
  const bool is_rows = e.default_text == "[]";
  print_field("value    ", is_rows ? "an array of arrays of whole numbers" : kind_text(e.spec));
  print_field(is_rows ? "columns  " : "range    ", range_text(e.spec));
  print_field("default  ", e.default_text);
  print_field("stands   ", e.spec.condition.empty() ? "" : "only " + e.spec.condition);
  print_field("read by  ", e.spec.reader);
}

void print_all(const std::vector<CatalogueEntry>& all) {
  TextTable table({"key", "default", "meaning"});
  table.left(1);
  table.left(2);
  for (const CatalogueEntry& e : all) {
    const std::string condition = e.spec.condition.empty() ? "" : " (" + e.spec.condition + ")";
    table.add({e.path, e.default_text, e.spec.meaning + condition});
  }
  std::cout << table.text(0);
}

}  // namespace

int cmd_explain(const Arguments& arguments) {
  CommandLine line("explain [KEY]...", "KEY", -1);
  if (!line.parse(arguments,
                  "\nKEY: vm.dirty_ratio, /devices/0/nr_requests, devices.nr_requests or "
                  "nr_requests.\nWithout KEY: every key of a scenario file.\n"))
    return kExitOk;
  const std::vector<CatalogueEntry> all = key_catalogue();
  if (line.positional().empty())
    print_all(all);
  for (const std::string& key : line.positional()) {
    const std::vector<CatalogueEntry> found = find_keys(all, key);
    if (found.empty()) {
      std::string message = "no key " + shown(key) + " in a scenario file";
      for (const std::string& near : nearest_keys(all, key))
        message += "\n    did you mean " + near + "?";
      message += "\n    wbsim explain without a key lists them all";
      throw UsageError(message);
    }
    for (const CatalogueEntry& entry : found)
      print_entry(entry, all);
  }
  return kExitOk;
}

}  // namespace wbsim
