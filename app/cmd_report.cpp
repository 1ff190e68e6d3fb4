#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/output_file.hpp"
#include "app/report_data.hpp"

namespace wbsim {
namespace {

Json data_of(const std::string& directory) {
  const std::string cure =
      "\n    " + directory + " is damaged, or of another version of wbsim: run it again";
  try {
    return report_data(directory);
  } catch (const InvalidScenario& e) {
    const std::string text = e.what();
    throw UsageError(text.substr(0, text.find_last_not_of('\n') + 1) + cure);
  } catch (const Json::exception& e) {
    throw UsageError(directory + ": " + e.what() + cure);
  }
}

}  // namespace

int cmd_report(const Arguments& arguments) {
  CommandLine line("report DIR [--out PAGE]", "DIR", 1);
  line.options()("out,o", po::value<std::string>()->value_name("PAGE"),
                 "where the page is written; DIR/report.html unless given");
  if (!line.parse(arguments,
                  "\nDIR: what `wbsim run --out` or `wbsim compare --out` wrote. The page needs\n"
                  "nothing but itself.\n"))
    return kExitOk;
  if (line.positional().empty())
    throw UsageError("report: of which directory?");
  const std::string& directory = line.positional().front();
  const std::string out = line.has("out")
                              ? line.get("out")
                              : (std::filesystem::path(directory) / "report.html").string();
  write_file(out, report_page(data_of(directory)));
  return kExitOk;
}

}  // namespace wbsim
