// The calls of recorded processes, one to a line: what `wbsim import` writes and a scenario's
// replays name.
//
//   thread,start_ns,duration_ns,call,file,offset,length,flags
//   101,0,0,open,fs0/log,0,0,
//   101,1500,42000,write,fs0/log,0,65536,
//   101,90000,0,sync_file_range,fs0/log,0,65536,wait_before+write+wait_after
//
// Times count from the start of the recording; duration 0: not known. Calls: open close read write
// fsync fdatasync sync sync_file_range truncate (to length). Flags of read and write: direct.
#pragma once

#include <string>
#include <string_view>

#include "app/problems.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// A line of the file, without the end of the line. `file`: as scenarios call it.
std::string replay_line(std::string_view thread, const ReplayOp& op, std::string_view file);
std::string_view replay_header();

// Reads the calls of `replay.thread` (empty: there is one thread) into `replay`.
void read_replay(std::string_view text, ReplayConfig& replay, Problems& problems);

}  // namespace wbsim
