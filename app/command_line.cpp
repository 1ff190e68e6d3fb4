#include "app/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>

#include "app/errors.hpp"
#include "app/problems.hpp"
#include "app/scenario_schema.hpp"
#include "app/zstd.hpp"
#include "models/kernel.hpp"

namespace wbsim {

CommandLine::CommandLine(std::string usage, std::string positional, int most)
    : usage_(std::move(usage)), positional_name_(std::move(positional)), most_(most) {
  visible_.add_options()("help,h", "show this text");
}

void CommandLine::add_override_options() {
  visible_.add_options()("set", po::value<std::vector<std::string>>()->value_name("/POINTER=VALUE"),
                         "replace a value of the scenario; may be repeated")(
      "seed", po::value<std::string>()->value_name("N"), "the same as --set /run/seed=N");
}

void CommandLine::add_kernel_options() {
  visible_.add_options()("policy,p", po::value<std::vector<std::string>>()->value_name("NAME"),
                         "pdflush or bdi, or a kernel")(
      "kernel,k", po::value<std::vector<std::string>>()->value_name("NAME"),
      "kernel preset; it replaces the scenario's kernel, with its flusher and throttle");
}

void CommandLine::add_trace_options() {
  visible_.add_options()("trace", po::value<std::string>()->value_name("LIST"),
                         "write these formats as well, e.g. fio,hdr; with --out")(
      "fio-log-columns", po::value<std::string>()->value_name("4|6"),
      "columns of fio's logs; 6 unless given, 4 for fiologparser.py")(
      "events", po::value<std::string>()->value_name("LIST"),
      "tracepoints of --trace ftrace, * for anything, e.g. 'writeback_*,block_rq_issue'; all but "
      "those that come with every page unless given")(
      "zstd", "compress the traces that are one text: trace.json.zst and the like");
}

TraceOptions CommandLine::trace_options() const {
  TraceOptions options;
  if (has("trace")) {
    if (!has("out"))
      throw UsageError("--trace writes files: it needs --out DIR");
    options.formats = parse_trace_formats(get("trace"));
  }
  if (has("events")) {
    if (std::count(options.formats.begin(), options.formats.end(), "ftrace") == 0)
      throw UsageError("--events chooses what --trace ftrace writes: it needs that");
    options.events = parse_events(get("events"));
  }
  if (has("fio-log-columns")) {
    const std::string columns = get("fio-log-columns");
    if (columns != "4" && columns != "6")
      throw UsageError("--fio-log-columns " + shown(columns) + " is neither 4 nor 6");
    options.fio_log_columns = columns == "4" ? FioColumns::kFour : FioColumns::kSix;
  }
  options.zstd = has("zstd");
  if (options.zstd && !has_zstd())
    throw UsageError("--zstd: this program was built without libzstd");
  return options;
}

bool CommandLine::parse(const Arguments& arguments, const std::string& epilogue) {
  po::options_description all;
  all.add(visible_).add_options()("positional", po::value<std::vector<std::string>>());
  po::positional_options_description plain;
  plain.add("positional", -1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    const po::parsed_options parsed =
        po::command_line_parser(arguments).options(all).positional(plain).style(style).run();
    po::store(parsed, values_);
    for (const po::option& option : parsed.options) {
      if (option.string_key == "kernel" || option.string_key == "policy")
        kernels_.push_back(option.value.front());
    }
  } catch (const po::unknown_option& e) {
    std::vector<std::string> names;
    for (const auto& option : visible_.options())
      names.push_back("--" + option->long_name());
    throw UsageError("unknown option " + e.get_option_name() + "\n    " +
                     name_hint(e.get_option_name(), names));
  } catch (const po::error& e) {
    throw UsageError(e.what());
  }
  if (has("help")) {
    std::cout << "usage: wbsim " << usage_ << "\n\n" << visible_ << epilogue;
    return false;
  }
  positional_ = this->all("positional");
  if (most_ >= 0 && positional_.size() > static_cast<std::size_t>(most_))
    throw UsageError("too many arguments: " + shown(positional_[static_cast<std::size_t>(most_)]));
  check_kernels();
  return true;
}

void CommandLine::check_kernels() const {
  for (const std::string& name : kernels_) {
    if (find_kernel(name) == nullptr)
      throw UsageError("kernel " + shown(name) + " is not known\n    " +
                       name_hint(name, kernel_words()));
  }
}

std::vector<std::string> CommandLine::all(const char* name) const {
  if (!has(name))
    return {};
  return values_[name].as<std::vector<std::string>>();
}

Overrides CommandLine::overrides() const {
  Overrides o;
  o.sets = all("set");
  if (has("seed"))
    o.seed = integer("seed", 0);
  return o;
}

std::int64_t CommandLine::integer(const char* name, std::int64_t low) const {
  const std::string text = get(name);
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < low)
    throw UsageError("--" + std::string(name) + " " + shown(text) + " is not a whole number from " +
                     std::to_string(low) + " on");
  return value;
}

}  // namespace wbsim
