#include "app/fio_options.hpp"

#include <algorithm>
#include <string_view>

#include "app/edit_distance.hpp"

namespace wbsim {
namespace {

using Names = std::vector<std::string>;

// import_fio.cpp reads these.
const Names& translated() {
  static const Names names = {
      "rw",       "bs",         "size",      "io_size",          "filesize",    "offset",
      "filename", "directory",  "numjobs",   "offset_increment", "rate",        "rate_iops",
      "runtime",  "time_based", "thinktime", "thinktime_blocks", "startdelay",  "fsync",
      "loops",    "fdatasync",  "end_fsync", "number_ios",       "zonesize",    "zoneskip",
      "name",     "kb_base",    "stonewall", "description",      "norandommap", "bsrange",
      "direct",   "buffered",   "wait_for",  "blockalign",       "prio",        "prioclass"};
  return names;
}

// These change what fio reports, in what order it prepares, or what the bytes are; never which
// calls are made when.
const Names& without_effect() {
  static const Names names = {"group_reporting",
                              "new_group",
                              "thread",
                              "threads",
                              "disable_lat",
                              "disable_clat",
                              "disable_slat",
                              "disable_bw_measurement",
                              "gtod_reduce",
                              "clat_percentiles",
                              "lat_percentiles",
                              "slat_percentiles",
                              "percentile_list",
                              "write_bw_log",
                              "write_lat_log",
                              "write_iops_log",
                              "write_hist_log",
                              "log_avg_msec",
                              "log_hist_msec",
                              "log_offset",
                              "log_prio",
                              "log_max_value",
                              "per_job_logs",
                              "unit_base",
                              "significant_figures",
                              "eta",
                              "unlink",
                              "fallocate",
                              "create_serialize",
                              "create_on_open",
                              "create_fsync",
                              "overwrite",
                              "openfiles",
                              "allow_file_create",
                              "randrepeat",
                              "randseed",
                              "allrandrepeat",
                              "random_generator",
                              "refill_buffers",
                              "scramble_buffers",
                              "zero_buffers",
                              "buffer_pattern",
                              "buffer_compress_percentage",
                              "buffer_compress_chunk",
                              "dedupe_percentage",
                              "dedupe_mode",
                              "dedupe_global",
                              "dedupe_working_set_percentage",
                              "mem",
                              "iomem",
                              "clocksource"};
  return names;
}

struct Neutral {
  const char* key;
  Names values;  // with which the option says what happens anyway
  const char* refusal;
};

const std::vector<Neutral>& neutral_values() {
  static const std::vector<Neutral> table = {
      {"ioengine",
       {"sync", "psync", "vsync", "pvsync", "pvsync2", "libaio"},
       "this engine is not modelled"},
      {"sync", {"0", "none"}, "O_SYNC is not modelled"},
      {"invalidate", {"1"}, "files start uncached"},
      {"nrfiles", {"1"}, "several files of one job are not modelled"},
      {"zonemode", {"none", "strided"}, "zoned devices are not modelled"},
      {"random_distribution", {"random"}, "offsets are uniformly distributed"},
      {"rate_process", {"linear"}, "calls come at even distances"},
      {"percentage_random", {"100"}, "a job is random or sequential"},
      {"ramp_time", {"0"}, "statistics begin with the first call"},
      {"io_submit_mode", {"inline"}, "a job submits its own calls"},
      {"verify", {"0", "null"}, "what was written is not read back"},
      {"do_verify", {"0"}, "what was written is not read back"},
      {"exitall", {"0"}, "jobs do not end each other"},
  };
  return table;
}

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr const char* kDepthOptions[] = {"iodepth", "iodepth_low", "iodepth_batch_submit",
                                         "iodepth_batch_complete", "iodepth_batch_complete_min"};

bool is_depth(const FioOption& option) {
  return std::find(std::begin(kDepthOptions), std::end(kDepthOptions), option.key) !=
         std::end(kDepthOptions);
}

// A buffered libaio submission does not return before it is done, and a synchronous engine knows no
// depth; only direct libaio has several calls under way.
void refuse_depth(const FioSection& job, const FioOption& option, Problems& problems) {
  const FioOption* engine = job.find("ioengine");
  if (fio_is_direct(job) && engine != nullptr && engine->value == "libaio" && option.value != "1")
    problems.error(fio_place(job, option), "a job has one direct call under way at a time");
}

void refuse_option(const FioSection& job, const FioOption& option, Problems& problems) {
  if (contains(translated(), option.key) || contains(without_effect(), option.key))
    return;
  if (is_depth(option)) {
    refuse_depth(job, option, problems);
    return;
  }
  const std::string where = fio_place(job, option);
  for (const Neutral& neutral : neutral_values()) {
    if (option.key != neutral.key)
      continue;
    const std::string value = option.value.value_or("1");
    if (!contains(neutral.values, value))
      problems.error(where, shown(value) + ": " + neutral.refusal,
                     name_hint(value, neutral.values));
    return;
  }
  Names known = translated();
  for (const Neutral& neutral : neutral_values())
    known.emplace_back(neutral.key);
  const std::optional<std::string> near = nearest_name(option.key, known);
  problems.error(where, "is not modelled", near ? "did you mean \"" + *near + "\"?" : "");
}

}  // namespace

bool fio_is_direct(const FioSection& job) {
  for (auto option = job.options.rbegin(); option != job.options.rend(); ++option) {
    if (option->key == "direct" || option->key == "buffered")
      return (option->value.value_or("1") != "0") == (option->key == "direct");
  }
  return false;
}

void refuse_fio_options(const FioSection& job, Problems& problems) {
  for (const FioOption& option : job.options) {
    if (job.find(option.key) == &option)  // a later one replaces it
      refuse_option(job, option, problems);
  }
}

}  // namespace wbsim
