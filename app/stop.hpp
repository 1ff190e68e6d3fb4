// Ctrl-C and its like: a run ends at its next look at the flag.
#pragma once

#include <atomic>

namespace wbsim {

// SIGINT, SIGTERM and SIGHUP request a stop; a second one kills. SIGPIPE becomes a write error.
void install_stop_signals();

void request_stop();
const std::atomic<bool>& stop_requested();
int stop_signal();  // 0: none came

}  // namespace wbsim
