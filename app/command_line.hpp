// What the subcommands share of their command lines.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "app/scenario_load.hpp"
#include "app/trace_formats.hpp"

namespace wbsim {

namespace po = boost::program_options;

using Arguments = std::vector<std::string>;

class CommandLine {
 public:
  // `usage`: what stands after "usage: wbsim ". `positional`: name of the plain arguments, with
  // how many there may be (-1: any number).
  CommandLine(std::string usage, std::string positional, int most);

  po::options_description_easy_init options() { return visible_.add_options(); }
  // Adds --set, --seed.
  void add_override_options();
  // Adds --trace and what goes with it.
  void add_trace_options();
  // Adds --kernel and --policy, which mean the same.
  void add_kernel_options();

  // False when --help was asked for and has been answered. Throws UsageError.
  bool parse(const Arguments& arguments, const std::string& epilogue);

  bool has(const char* name) const { return values_.count(name) > 0; }
  std::string get(const char* name) const { return values_[name].as<std::string>(); }
  std::vector<std::string> all(const char* name) const;
  const std::vector<std::string>& positional() const { return positional_; }
  // --kernel and --policy in the order given. Throws UsageError for a name that is not known.
  const std::vector<std::string>& kernels() const { return kernels_; }
  Overrides overrides() const;
  // Throws UsageError.
  TraceOptions trace_options() const;
  // A whole number of an option, at least `low`.
  std::int64_t integer(const char* name, std::int64_t low) const;

 private:
  void check_kernels() const;

  std::string usage_, positional_name_;
  int most_;
  po::options_description visible_{"options"};
  po::variables_map values_;
  std::vector<std::string> positional_, kernels_;
};

}  // namespace wbsim
