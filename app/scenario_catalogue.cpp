#include "app/scenario_catalogue.hpp"

#include <algorithm>
#include <filesystem>

#include "app/errors.hpp"
#include "app/number_text.hpp"
#include "app/scenario_load.hpp"
#include "app/text_table.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

std::string bound_words(const Expectation& e) {
  std::string text;
  const auto add = [&text](const char* sign, const std::string& bound) {
    text += (text.empty() ? "" : ", ") + std::string(sign) + " " + bound;
  };
  const auto quantity = [](const QuantityText& q) {
    const auto* number = std::get_if<double>(&q.value);
    return number != nullptr ? number_text(*number) : std::get<std::string>(q.value);
  };
  if (e.at_least)
    add(">=", quantity(*e.at_least));
  if (e.at_most)
    add("<=", quantity(*e.at_most));
  if (e.equals)
    add("=", quantity(*e.equals));
  if (e.ratio_at_least)
    add(">=", number_text(*e.ratio_at_least));
  if (e.ratio_at_most)
    add("<=", number_text(*e.ratio_at_most));
  return text;
}

std::string runs_of(const Expectation& e) {
  if (e.compare)
    return e.compare->at(0) + " / " + e.compare->at(1);
  if (e.kernel)
    return *e.kernel;
  if (e.since && e.until)
    return *e.since + " to " + *e.until;
  if (e.since)
    return "since " + *e.since;
  return e.until ? "until " + *e.until : "every run";
}

std::string expectation_line(const Expectation& e) {
  const std::string who = runs_of(e);
  return "- " + who + ": `" + e.metric + "` " + bound_words(e) + "\n";
}

}  // namespace

std::vector<CatalogueFile> scenario_files(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".json")
      paths.push_back(it->path().string());
  }
  if (error)
    throw UsageError("cannot read directory " + directory + ": " + error.message() +
                     "\n    --dir names another");
  if (paths.empty())
    throw UsageError("no scenario (*.json) in directory " + directory +
                     "\n    --dir names another");
  std::sort(paths.begin(), paths.end());
  std::vector<CatalogueFile> files;
  for (const std::string& path : paths)
    files.push_back({path, load_scenario(path, read_scenario_text(path), {}).file});
  return files;
}

std::string first_sentence(const std::string& text) {
  for (std::size_t at = 0; (at = text.find_first_of(".:", at)) != std::string::npos; ++at) {
    if (at + 1 == text.size() || text[at + 1] == ' ')
      return text.substr(0, at) + ".";
  }
  return text;
}

std::string catalogue_text(const std::vector<CatalogueFile>& files) {
  TextTable table({"scenario", "what happens"});
  table.left(1);
  for (const CatalogueFile& f : files)
    table.add({f.file.scenario.name, first_sentence(f.file.description.value_or(""))});
  return table.text(0);
}

std::string catalogue_markdown(const std::vector<CatalogueFile>& files) {
  std::string out =
      "# Scenarios\n\n"
      "One phenomenon a file. `wbsim compare scenarios/NAME.json` runs one under pdflush and bdi "
      "and "
      "holds the\nresult against its `expect` block; `wbsim explain` says what each key means.\n"
      "This page is made from the files by `wbsim list scenarios --markdown`.\n\n"
      "| scenario | what happens |\n|---|---|\n";
  for (const CatalogueFile& f : files) {
    const std::string& name = f.file.scenario.name;
    out += "| [" + name + "](#" + name + ") | " + first_sentence(f.file.description.value_or("")) +
           " |\n";
  }
  for (const CatalogueFile& f : files) {
    out += "\n## " + f.file.scenario.name + "\n\n[" + fs::path(f.path).filename().string() + "](" +
           fs::path(f.path).filename().string() + ")\n";
    if (f.file.description)
      out += "\n" + *f.file.description + "\n";
    if (f.file.expected)
      out += "\n**Expected.** " + *f.file.expected + "\n";
    if (f.file.source)
      out += "\n**Source.** " + *f.file.source + "\n";
    if (!f.file.expect.empty())
      out += "\nChecked after each run:\n\n";
    for (const Expectation& e : f.file.expect)
      out += expectation_line(e);
  }
  return out;
}

}  // namespace wbsim
