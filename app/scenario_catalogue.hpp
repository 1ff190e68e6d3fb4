// The scenario files of a directory, for people.
#pragma once

#include <string>
#include <vector>

#include "app/scenario_file.hpp"

namespace wbsim {

struct CatalogueFile {
  std::string path;
  ScenarioFile file;
};

// Every *.json below the directory's top, by name. Throws InvalidScenario for the first bad one,
// UsageError when there is no such directory.
std::vector<CatalogueFile> scenario_files(const std::string& directory);

std::string first_sentence(const std::string& text);
std::string catalogue_text(const std::vector<CatalogueFile>& files);
std::string catalogue_markdown(const std::vector<CatalogueFile>& files);

}  // namespace wbsim
