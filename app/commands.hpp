// The subcommands. Each writes its result to standard output and returns the exit code.
#pragma once

#include "app/command_line.hpp"

namespace wbsim {

int cmd_report(const Arguments& arguments);
int cmd_run(const Arguments& arguments);
int cmd_compare(const Arguments& arguments);
int cmd_import(const Arguments& arguments);
int cmd_validate(const Arguments& arguments);
int cmd_why(const Arguments& arguments);
int cmd_list(const Arguments& arguments);
int cmd_explain(const Arguments& arguments);

}  // namespace wbsim
