#include <iostream>

#include "app/commands.hpp"
#include "app/device_profiles.hpp"
#include "app/errors.hpp"
#include "app/problems.hpp"
#include "app/scenario_catalogue.hpp"
#include "app/scenario_schema.hpp"
#include "app/text_table.hpp"
#include "models/block/elevator.hpp"
#include "models/device/device.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

void print_kernels() {
  TextTable table(
      {"kernel", "flusher", "throttle", "dirty_background_ratio", "dirty_ratio", "policy name"});
  for (const std::size_t column : {1U, 2U, 5U})
    table.left(column);
  for (const KernelRow& row : kernels())
    table.add({std::string(row.name), std::string(row.flusher), std::string(row.throttle),
               std::to_string(row.dirty_background_ratio), std::to_string(row.dirty_ratio),
               std::string(row.alias)});
  std::cout << table.text(0);
}

// A name and which kernels have it.
void print_users(const std::vector<std::string_view>& names, std::string_view KernelRow::*member) {
  TextTable table({"name", "in kernels"});
  table.left(1);
  for (const std::string_view name : names) {
    std::string users;
    for (const KernelRow& row : kernels()) {
      if (row.*member == name)
        users += (users.empty() ? "" : " ") + std::string(row.name);
    }
    table.add({std::string(name), users});
  }
  std::cout << table.text(0);
}

void print_names(const std::vector<std::string_view>& names) {
  for (const std::string_view name : names)
    std::cout << name << "\n";
}

void print_devices() {
  print_names(device_models());
  TextTable table({"profile", "model", "what it is"});
  table.left(1);
  table.left(2);
  for (const DeviceProfile& p : shipped_device_profiles())
    table.add({p.name, p.model, p.description});
  std::cout << "\n" << table.text(0);
}

void print_workloads() {
  TextTable table({"rw", "what it does"});
  table.left(1);
  table.add({"write", "sequential write(2) through the page cache"});
  table.add({"randwrite", "write(2) at random offsets"});
  table.add({"read", "sequential read(2) through the page cache"});
  table.add({"randread", "read(2) at random offsets"});
  table.add({"sync", "sync(2)"});
  std::cout << table.text(0);
}

}  // namespace

int cmd_list(const Arguments& arguments) {
  const std::vector<std::string> subjects = {"kernels",    "flushers",  "throttles", "devices",
                                             "schedulers", "workloads", "scenarios"};
  CommandLine line("list SUBJECT", "SUBJECT", 1);
  line.options()("dir", po::value<std::string>()->value_name("DIR")->default_value("scenarios"),
                 "where the scenarios are")("markdown", "scenarios as the text of their README.md");
  if (!line.parse(arguments,
                  "\nSUBJECT: kernels, flushers, throttles, devices, schedulers, workloads or\n"
                  "scenarios.\n"))
    return kExitOk;
  if (line.positional().empty())
    throw UsageError("list: of what?\n    " + name_hint("", subjects));
  const std::string& subject = line.positional().front();
  if (line.has("markdown") && subject != "scenarios")
    throw UsageError("--markdown is for scenarios");
  if (subject == "kernels") {
    print_kernels();
  } else if (subject == "flushers") {
    print_users(flusher_names(), &KernelRow::flusher);
  } else if (subject == "throttles") {
    print_users(throttle_names(), &KernelRow::throttle);
  } else if (subject == "devices") {
    print_devices();
  } else if (subject == "schedulers") {
    print_names(scheduler_names());
  } else if (subject == "workloads") {
    print_workloads();
  } else if (subject == "scenarios") {
    const std::vector<CatalogueFile> files = scenario_files(line.get("dir"));
    std::cout << (line.has("markdown") ? catalogue_markdown(files) : catalogue_text(files));
  } else {
    throw UsageError("list: no subject " + shown(subject) + "\n    " +
                     name_hint(subject, subjects));
  }
  return kExitOk;
}

}  // namespace wbsim
