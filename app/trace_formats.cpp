#include "app/trace_formats.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "app/blktrace_sink.hpp"
#include "app/chrome_sink.hpp"
#include "app/errors.hpp"
#include "app/ftrace_sink.hpp"
#include "app/hdr_sink.hpp"
#include "app/problems.hpp"
#include "app/text_line.hpp"
#include "app/zstd.hpp"

namespace wbsim {
namespace {

struct SinkContext {
  const Scenario& scenario;
  const std::string& directory;
  const TraceOptions& options;
};

std::string subdirectory(const SinkContext& context, const char* name) {
  std::string path = context.directory + "/" + name;
  std::error_code error;
  std::filesystem::create_directory(path, error);
  if (error)
    throw OutputError("cannot create " + path + ": " + error.message());
  return path;
}

std::unique_ptr<OutputFile> open_text(const SinkContext& context, const char* name) {
  const std::string path = context.directory + "/" + name;
  if (!context.options.zstd)
    return std::make_unique<OutputFile>(path);
  return std::make_unique<OutputFile>(path + ".zst", OutputFile::kBufferSize, make_zstd());
}

struct TraceFormat {
  const char* name;
  const char* files;
  std::unique_ptr<OutputSink> (*make)(const SinkContext&);
};

constexpr TraceFormat kTraceFormats[] = {
    {"ftrace", "trace.ftrace.txt: the kernel's tracepoints as ftrace prints them",
     [](const SinkContext& c) -> std::unique_ptr<OutputSink> {
       return std::make_unique<FtraceSink>(c.scenario, open_text(c, "trace.ftrace.txt"),
                                           c.options.events);
     }},
    {"blktrace", "blktrace/DEVICE.blktrace.0: for blkparse, btt and iowatcher",
     [](const SinkContext& c) -> std::unique_ptr<OutputSink> {
       return std::make_unique<BlktraceSink>(c.scenario, subdirectory(c, "blktrace"));
     }},
    {"chrome", "trace.json: for ui.perfetto.dev and chrome://tracing",
     [](const SinkContext& c) -> std::unique_ptr<OutputSink> {
       return std::make_unique<ChromeSink>(c.scenario, open_text(c, "trace.json"));
     }},
    {"fio", "fio/JOB_{bw,iops,clat,lat}.N.log: fio's logs of each writer",
     [](const SinkContext& c) -> std::unique_ptr<OutputSink> {
       return std::make_unique<FioLogSink>(c.scenario, subdirectory(c, "fio"),
                                           c.options.fio_log_columns);
     }},
    {"hdr", "hdr/{write,read,fsync}.hgrm: HdrHistogram percentiles, microseconds",
     [](const SinkContext& c) -> std::unique_ptr<OutputSink> {
       return std::make_unique<HdrSink>(c.scenario, subdirectory(c, "hdr"));
     }},
};

}  // namespace

const std::vector<std::string>& trace_format_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const TraceFormat& format : kTraceFormats)
      all.emplace_back(format.name);
    return all;
  }();
  return names;
}

std::string trace_formats_help() {
  TextLine out;
  for (const TraceFormat& format : kTraceFormats)
    out.text("  ").left(format.name, 10).text(format.files).text("\n");
  return out.str();
}

namespace {

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    words.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

std::vector<std::string> parse_events(const std::string& list) {
  const std::vector<std::string>& names = tracepoint_names();
  std::vector<std::string> patterns = split(list);
  for (const std::string& pattern : patterns)
    if (std::none_of(names.begin(), names.end(), [&pattern](const std::string& name) {
          return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
        }))
      throw UsageError("--events: no tracepoint is called " + shown(pattern) + "\n    " +
                       name_hint(pattern, names));
  return patterns;
}

std::vector<std::string> parse_trace_formats(const std::string& list) {
  std::vector<std::string> chosen;
  for (const std::string& name : split(list)) {
    const std::vector<std::string>& names = trace_format_names();
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw UsageError("--trace: format " + shown(name) + " is not known\n    " +
                       name_hint(name, names));
    if (std::find(chosen.begin(), chosen.end(), name) == chosen.end())
      chosen.push_back(name);
  }
  return chosen;
}

std::vector<std::unique_ptr<OutputSink>> make_trace_sinks(const Scenario& scenario,
                                                          const std::string& directory,
                                                          const TraceOptions& options) {
  std::vector<std::unique_ptr<OutputSink>> sinks;
  for (const std::string& name : options.formats) {
    const auto* format =
        std::find_if(std::begin(kTraceFormats), std::end(kTraceFormats),
                     [&name](const TraceFormat& candidate) { return candidate.name == name; });
    sinks.push_back(format->make({scenario, directory, options}));
  }
  return sinks;
}

}  // namespace wbsim
