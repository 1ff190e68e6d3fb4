// The formats of --trace, by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/fio_log_sink.hpp"
#include "app/output_sink.hpp"
#include "models/scenario.hpp"

namespace wbsim {

struct TraceOptions {
  std::vector<std::string> formats;
  FioColumns fio_log_columns = FioColumns::kSix;
  bool zstd = false;                // the formats that are one long text
  std::vector<std::string> events;  // of ftrace: names, with *; empty: all but those of every page
};

const std::vector<std::string>& trace_format_names();
// A line for each: its name, and the files it writes.
std::string trace_formats_help();

// "ftrace,fio" as a list without repetitions. Throws UsageError for a name that is not known.
std::vector<std::string> parse_trace_formats(const std::string& list);

// "writeback_*,block_rq_issue" as a list. Throws UsageError for what no tracepoint is called.
std::vector<std::string> parse_events(const std::string& list);

// A sink for each format; their files lie in `directory`, which exists. Throws OutputError.
std::vector<std::unique_ptr<OutputSink>> make_trace_sinks(const Scenario& scenario,
                                                          const std::string& directory,
                                                          const TraceOptions& options);

}  // namespace wbsim
