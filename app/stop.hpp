// Ctrl-C and its like: a run ends at its next look at the flag.
#pragma once

#include <atomic>

namespace wbsim {

// From here on SIGINT, SIGTERM and SIGHUP request a stop; a second one kills. For what looks at the
// flag: anything else is killed by the first.
void install_stop_signals();
// SIGPIPE becomes a write error.
void ignore_broken_pipes();

void request_stop();
const std::atomic<bool>& stop_requested();
int stop_signal();  // 0: none came

}  // namespace wbsim
