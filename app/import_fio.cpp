#include "app/import_fio.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "app/fio_options.hpp"
#include "app/scenario_schema.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kMicro = 1'000, kSecond = 1'000'000'000;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

class JobImport {
 public:
  JobImport(const FioSection& job, ScenarioDraft& draft, Problems& problems)
      : job_(job), draft_(draft), problems_(problems) {}

  // Returns the names of the workloads it became.
  std::vector<std::string> run(const std::string& waits_for) {
    if (!waits_for.empty())
      workload_["wait_for"] = waits_for;
    refuse_fio_options(job_, problems_);
    kb_base_ = static_cast<int>(integer("kb_base").value_or(1024));
    direction();
    workload_["bs"] = size_text(block_size());
    amounts();
    pace();
    for (const char* key : {"fsync", "fdatasync"}) {
      if (const auto n = integer(key); n && *n > 0 && writes_)
        workload_[key] = *n;
    }
    if (flag("end_fsync") && writes_)
      workload_["end_fsync"] = true;
    if (fio_is_direct(job_))
      workload_["direct"] = true;
    place();
    return names_;
  }

 private:
  void refuse(const FioOption& option, const std::string& message, const std::string& hint = {}) {
    problems_.error(fio_place(job_, option), message, hint);
  }

  // The value of an option; of "read,write,trim" the part of this job's direction.
  std::optional<std::string> value(const char* key) const {
    const FioOption* option = job_.find(key);
    if (option == nullptr || !option->value)
      return std::nullopt;
    const std::vector<std::string> parts = split(*option->value, ',');
    return parts[std::min<std::size_t>(writes_ ? 1 : 0, parts.size() - 1)];
  }

  template <class Parse>
  std::optional<std::int64_t> parsed(const char* key, const Parse& parse, const char* wanted) {
    const std::optional<std::string> text = value(key);
    if (!text || text->empty())
      return std::nullopt;
    const std::optional<std::int64_t> result = parse(*text);
    if (!result)
      refuse(*job_.find(key), shown(*text) + " is not " + wanted + " this program reads");
    return result;
  }
  std::optional<std::int64_t> bytes(const char* key) {
    return parsed(
        key, [this](const std::string& t) { return fio_bytes(t, kb_base_); }, "a size");
  }
  std::optional<std::int64_t> integer(const char* key) {
    return parsed(
        key, [](const std::string& t) { return fio_bytes(t, 1000); }, "a number");
  }
  std::optional<std::int64_t> time(const char* key, std::int64_t unit) {
    return parsed(
        key, [unit](const std::string& t) { return fio_time(t, unit); }, "a time");
  }
  bool flag(const char* key) {
    const FioOption* option = job_.find(key);
    return option != nullptr && option->value.value_or("1") != "0";
  }

  void direction() {
    static const std::vector<std::string> kinds = {"read", "write", "randread", "randwrite"};
    const FioOption* option = job_.find("rw");
    const std::string kind = option != nullptr ? option->value.value_or("") : "read";
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
      refuse(*option, shown(kind) + " is not modelled", name_hint(kind, kinds));
    workload_["rw"] = kind;
    writes_ = kind.ends_with("write");
    if (kind.starts_with("rand")) {
      if (!flag("norandommap"))
        workload_["random_generator"] = "permutation";
      if (const auto align = bytes("blockalign"))
        workload_["blockalign"] = size_text(*align);
    }
  }

  std::int64_t block_size() {
    if (const FioOption* range = job_.find("bsrange")) {
      const std::vector<std::string> ends = split(value("bsrange").value_or(""), '-');
      const auto low = fio_bytes(ends.front(), kb_base_), high = fio_bytes(ends.back(), kb_base_);
      if (ends.size() == 2 && low && low == high)
        return *low;
      refuse(*range, "blocks of different sizes are not modelled");
    }
    return std::max<std::int64_t>(bytes("bs").value_or(4096), 1);
  }

  void amounts() {
    const std::optional<std::int64_t> size = percent_free_size();
    const std::optional<std::int64_t> file_size = bytes("filesize");
    region_ = size ? size : file_size;
    offset_ = bytes("offset").value_or(0);
    increment_ = bytes("offset_increment").value_or(0);
    if (size && file_size && *size > *file_size)
      refuse(*job_.find("size"), "is more than filesize", "io_size goes over a file repeatedly");
    if (region_)
      workload_["size"] = size_text(*region_);
    if (offset_ > 0)
      workload_["offset"] = size_text(offset_);
    if (increment_ > 0)
      workload_["offset_increment"] = size_text(increment_);
    std::optional<std::int64_t> total = bytes("io_size");
    const std::int64_t loops = integer("loops").value_or(1);
    std::int64_t product = 0;
    if (loops > 1 && (total || region_)) {
      if (__builtin_mul_overflow(total ? *total : *region_, loops, &product))
        refuse(*job_.find("loops"), "is too many");
      total = product;
    }
    if (total)
      workload_["io_size"] = size_text(*total);
    if (const auto calls = integer("number_ios"))
      workload_["number_ios"] = *calls;
    const std::optional<std::int64_t> zone = bytes("zonesize");
    if (const FioOption* mode = job_.find("zonemode"); mode && mode->value == "strided" && zone) {
      workload_["zonesize"] = size_text(*zone);
      workload_["zoneskip"] = size_text(bytes("zoneskip").value_or(0));
    }
  }

  // "100%" is the whole file, which a region is without a size.
  std::optional<std::int64_t> percent_free_size() {
    if (value("size") == "100%")
      return std::nullopt;
    return bytes("size");
  }

  void pace() {
    if (const auto rate = bytes("rate"); rate && *rate > 0)
      workload_["rate"] = rate_text(*rate);
    else if (const auto iops = integer("rate_iops"); iops && *iops > 0)
      workload_["rate"] = rate_text(*iops * block_size());
    if (const auto think = time("thinktime", kMicro); think && *think > 0) {
      workload_["thinktime"] = duration_text(*think);
      if (const auto blocks = integer("thinktime_blocks"))
        workload_["thinktime_blocks"] = *blocks;
    }
    if (const auto delay = time("startdelay", kSecond); delay && *delay > 0)
      workload_["startdelay"] = duration_text(*delay);
    if (const auto prio = integer("prio"))
      workload_["prio"] = *prio;
    if (const auto c = integer("prioclass"); c && *c > 0)
      workload_["prioclass"] =
          priority_class_words()[static_cast<std::size_t>(std::min<std::int64_t>(*c, 3) - 1)];
    if (const auto runtime = time("runtime", kSecond); runtime && *runtime > 0) {
      workload_["runtime"] = duration_text(*runtime);
      if (flag("time_based"))
        workload_["time_based"] = true;
    }
  }

  // Where it goes: clones share a file that is named, and have one each otherwise.
  void place() {
    const std::int64_t clones = std::clamp<std::int64_t>(integer("numjobs").value_or(1), 1, 10'000);
    const std::string job = value("name").value_or(job_.name);
    const FioOption* filename = job_.find("filename");
    const std::int64_t end = offset_ + increment_ * (clones - 1) + region_.value_or(0);
    if (filename == nullptr) {
      if (!region_ && job_.find("size") == nullptr)
        problems_.error("line " + std::to_string(job_.line) + " [" + job_.name + "]",
                        "size is missing", "how large is its file?");
      for (std::int64_t i = 0; i < clones; ++i)
        add(clones > 1 ? job + "-" + std::to_string(i) : job, 1,
            draft_.file(in_directory(job + "." + std::to_string(i) + ".0"), end));
      return;
    }
    const std::string path = filename->value.value_or("");
    if (path.find(':') != std::string::npos)
      refuse(*filename, "several files of one job are not modelled");
    else if (path.starts_with("/dev/"))
      add(job, clones, device(*filename, path.substr(5), end));
    else if (!region_ && job_.find("size") == nullptr)
      refuse(*filename, "size is missing", "how large is it?");
    else
      add(job, clones, draft_.file(in_directory(path), end));
  }

  std::string device(const FioOption& filename, const std::string& name, std::int64_t end) {
    if (name != scenario_name(name) || name == "null" || name == "zero" || name == "full")
      refuse(filename, shown("/dev/" + name) + " is no disk");
    return draft_.device(scenario_name(name), end);
  }

  std::string in_directory(const std::string& name) const {
    const std::optional<std::string> directory = value("directory");
    return directory && !name.starts_with('/') ? *directory + "/" + name : name;
  }

  void add(const std::string& name, std::int64_t clones, const std::string& filename) {
    names_.push_back(draft_.workload_name(name));
    Json workload = {{"name", names_.back()}, {"filename", filename}};
    workload.update(workload_);
    if (clones > 1)
      workload["numjobs"] = clones;
    draft_.add_workload(std::move(workload));
  }

  const FioSection& job_;
  ScenarioDraft& draft_;
  Problems& problems_;
  Json workload_ = Json::object();
  std::vector<std::string> names_;
  bool writes_ = false;
  int kb_base_ = 1024;
  std::optional<std::int64_t> region_;
  std::int64_t offset_ = 0, increment_ = 0;
};

// The order that stonewall and wait_for impose. A workload can wait for one other, with all its
// clones.
class Order {
 public:
  Order(const FioSection& job, Problems& problems) : job_(job), problems_(problems) {}

  bool is_stonewalled() const {
    const FioOption* option = job_.find("stonewall");
    return option != nullptr && option->value.value_or("1") != "0";
  }
  std::string only(const FioOption& option, const std::vector<std::string>& names) {
    if (names.size() == 1)
      return names.front();
    problems_.error(fio_place(job_, option),
                    "it would wait for " + std::to_string(names.size()) + " workloads",
                    "one workload is possible, with its clones; or startdelay");
    return "";
  }

 private:
  const FioSection& job_;
  Problems& problems_;
};

}  // namespace

void import_fio(std::string_view text, Import& import, Problems& problems) {
  std::map<std::string, std::vector<std::string>> by_job;
  std::vector<std::string> group;  // the jobs since the last stonewall
  std::string before_group;        // what they wait for
  for (const FioSection& job : parse_fio_jobfile(text, problems)) {
    Order order(job, problems);
    if (order.is_stonewalled() && !group.empty()) {
      before_group = order.only(*job.find("stonewall"), group);
      group.clear();
    }
    std::string waits_for = before_group;
    if (const FioOption* option = job.find("wait_for"))
      waits_for = order.only(*option, by_job[option->value.value_or("")]);
    const std::vector<std::string> names = JobImport(job, import.draft, problems).run(waits_for);
    by_job[job.name] = names;
    group.insert(group.end(), names.begin(), names.end());
  }
}

}  // namespace wbsim
