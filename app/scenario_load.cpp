#include "app/scenario_load.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/device_profiles.hpp"
#include "app/edit_distance.hpp"
#include "app/errors.hpp"
#include "app/json_parse.hpp"
#include "app/not_text.hpp"
#include "app/replay_file.hpp"
#include "app/scenario_check.hpp"
#include "app/scenario_reader.hpp"
#include "models/device/device.hpp"
#include "models/fs/bdf_prm.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split_pointer(std::string_view pointer) {
  std::vector<std::string> parts;
  for (const char c : pointer) {
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  for (std::string& part : parts) {
    for (const auto& [escape, plain] : {std::pair{"~1", '/'}, std::pair{"~0", '~'}}) {
      for (std::size_t at = 0; (at = part.find(escape, at)) != std::string::npos; ++at)
        part.replace(at, 2, 1, plain);
    }
  }
  return parts;
}

// An element of an array, by its index or by its name.
Json* find_element(Json& array, const std::string& part) {
  std::size_t index = 0;
  const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (code == std::errc() && end == part.data() + part.size())
    return index < array.size() ? &array[index] : nullptr;
  for (Json& item : array) {
    if (item.is_object() && item.contains("name") && item["name"] == part)
      return &item;
  }
  return nullptr;
}

// A JSON value, or the text as it is: --set /run/duration=20s needs no inner quotes.
Json override_value(const std::string& text) {
  Problems ignored;
  Json value = parse_json(text, ignored);
  return ignored.any_error() ? Json(text) : value;
}

void apply_set(Json& document, const std::string& option, Problems& problems) {
  const std::size_t equals = option.find('=');
  if (!option.starts_with('/') || equals == std::string::npos || equals == 1)
    throw UsageError("--set " + shown(option) + " is not /pointer=value, as /vm/dirty_ratio=10 is");
  const std::string pointer = option.substr(0, equals);
  Json* here = &document;
  for (const std::string& part : split_pointer(pointer)) {
    if (here->is_null())
      *here = Json::object();
    Json* next = here->is_object()  ? &(*here)[part]
                 : here->is_array() ? find_element(*here, part)
                                    : nullptr;
    if (next == nullptr) {
      problems.error(pointer, "--set: there is no " + shown(part) + " here");
      return;
    }
    here = next;
  }
  *here = override_value(option.substr(equals + 1));
}

void apply_overrides(Json& document, const Overrides& overrides, Problems& problems) {
  if (!document.is_object())
    return;
  if (overrides.kernel) {
    Json& kernel = document["kernel"];
    if (kernel.is_null())
      kernel = Json::object();
    if (kernel.is_object()) {
      kernel["preset"] = *overrides.kernel;
      kernel.erase("flusher");
      kernel.erase("throttle");
    }
  }
  for (const std::string& option : overrides.sets)
    apply_set(document, option, problems);
  if (overrides.seed)
    apply_set(document, "/run/seed=" + std::to_string(*overrides.seed), problems);
}

// The attributes as /sys/block/*/queue would show them.
void fill_queue_defaults(DeviceConfig& device, const QueueRules& rules, Bytes memory) {
  QueueParams given = queue_params(device);
  given.memory = memory;
  const QueueParams params = with_defaults(given, rules, make_device(device)->depth());
  QueueConfig& queue = device.queue;
  queue.scheduler = params.scheduler;
  queue.nr_requests = params.nr_requests;
  if (queue.scheduler == "mq-deadline")
    queue.async_depth = params.async_depth;
  if (!is_linus(rules.kind))  // 255 sectors are no whole KiB
    queue.max_sectors_kb = static_cast<int>(params.max_sectors.count() / 2);
  if (asks_for_rotational(rules, params.scheduler))
    queue.rotational = params.rotational;
  if (rules.kind == QueueKind::kMulti)  // which has the rotation in it
    queue.wbt_lat_usec = params.wbt_lat.count() / 1000;
}

void fill_vm_defaults(VmSysctl& vm, const KernelRow& row, const MemoryConfig& memory, int hz) {
  if (row.buffer_cache) {
    const v24::BdfPrm prm = v24::bdf_prm(vm, *row.buffer_cache, hz);
    vm.bdflush.nfract = prm.nfract;
    if (*row.buffer_cache == v24::Release::k240)
      vm.bdflush.ndirty = prm.ndirty;
    vm.bdflush.interval = static_cast<int>(prm.interval.count());
    vm.bdflush.age_buffer = static_cast<int>(prm.age_buffer.count());
    vm.bdflush.nfract_sync = prm.nfract_sync;
    return;
  }
  const RatiosAtBoot at_boot = ratios_at_boot(row, memory);
  if (!vm.dirty_ratio && !vm.dirty_bytes)
    vm.dirty_ratio = at_boot.dirty;
  if (!vm.dirty_background_ratio && !vm.dirty_background_bytes)
    vm.dirty_background_ratio = at_boot.background;
}

void fill_defaults(Scenario& s) {
  const KernelRow& row = *find_kernel(s.kernel.preset);
  s.kernel.preset = row.name;
  if (!s.kernel.flusher)
    s.kernel.flusher = row.flusher;
  if (!s.kernel.throttle)
    s.kernel.throttle = row.throttle;
  fill_vm_defaults(s.vm, row, s.memory, s.kernel.hz);
  for (DeviceConfig& device : s.devices)
    fill_queue_defaults(device, row.queue, s.memory.total);
  const Pages total = whole_pages(s.memory.total);
  if (!s.memory.free_at_start)
    s.memory.free_at_start = Pages(total.count() * 94 / 100);
  if (!s.memory.file_pages_at_start)
    s.memory.file_pages_at_start =
        std::min(Pages(total.count() / 100), total - *s.memory.free_at_start);
}

// Reads the calls of every replay; each file once.
void load_replays(Scenario& s, const fs::path& folder, const Overrides& overrides,
                  Problems& problems) {
  std::map<std::string, std::string> texts = overrides.replay_texts;
  for (std::size_t i = 0; i < s.replays.size(); ++i) {
    ReplayConfig& replay = s.replays[i];
    const std::string at = child("/replays", i);
    if (!problems.usable(at + "/file") || !problems.usable(at + "/thread"))
      continue;
    if (!texts.contains(replay.file))
      texts[replay.file] = read_scenario_text((folder / replay.file).string());
    Problems found;
    read_replay(texts[replay.file], replay, found);
    for (const Problem& p : found.all())
      problems.error(
          at + "/file",
          replay.file + (p.pointer.empty() ? "" : " " + p.pointer + ":") + " " + p.message, p.hint);
  }
}

[[noreturn]] void cannot_read(const std::string& path, const std::string& reason) {
  std::string message = path + ": cannot read it: " + reason + "\n";
  std::vector<std::string> neighbours;
  std::error_code ignored;
  const fs::path folder = fs::path(path).parent_path();
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    if (entry.path().extension() == ".json")
      neighbours.push_back(entry.path().filename().string());
  }
  std::sort(neighbours.begin(), neighbours.end());
  if (const auto near = nearest_name(fs::path(path).filename().string(), neighbours))
    message += "    did you mean " + (folder / *near).string() + "?\n";
  throw InvalidScenario(message, counted_errors(1));
}

}  // namespace

std::string read_scenario_text(const std::string& path) {
  constexpr std::size_t kLargest = std::size_t{1} << 30;
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    cannot_read(path, "it is a directory");
  const auto close = [](std::FILE* f) { std::fclose(f); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (file == nullptr)
    cannot_read(path, std::strerror(errno));
  std::string text;
  char block[65536];
  while (const std::size_t got = std::fread(block, 1, sizeof block, file.get())) {
    text.append(block, got);
    if (text.size() > kLargest)
      cannot_read(path, "it is larger than 1 GiB");
  }
  if (std::ferror(file.get()) != 0)
    cannot_read(path, std::strerror(errno));
  if (const std::optional<NotText> found = not_text(text))
    throw InvalidScenario(
        path + ": " + found->what + "\n" + (found->hint.empty() ? "" : "    " + found->hint + "\n"),
        counted_errors(1));
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark))
    text.erase(0, kByteOrderMark.size());
  return text;
}

LoadedScenario load_scenario(const std::string& path, const std::string& text,
                             const Overrides& overrides) {
  if (overrides.kernel) {
    // What the kernel replaces must be valid too.
    Overrides rest = overrides;
    rest.kernel.reset();
    load_scenario(path, text, rest);
  }
  Problems problems;
  Json document = parse_json(text, problems);
  LoadedScenario loaded;
  if (!document.is_null() || !problems.any_error()) {
    apply_overrides(document, overrides, problems);
    merge_device_profiles(document, path, problems);
    loaded.file = read_scenario(document, problems);
    for (DeviceConfig& device : loaded.file.scenario.devices)
      device.capacity = device_capacity(device);
    load_replays(loaded.file.scenario, fs::path(path).parent_path(), overrides, problems);
    check_kernel(loaded.file.scenario, problems);
    check_storage(loaded.file.scenario, problems);
    check_queues(loaded.file.scenario, problems);
    check_workloads(loaded.file.scenario, problems);
    check_replays(loaded.file.scenario, problems);
    check_expect(loaded.file, problems);
  }
  if (problems.any_error())
    throw InvalidScenario(problems.text(path), counted_errors(problems.errors()));
  fill_defaults(loaded.file.scenario);
  loaded.warnings = problems.text(path);
  return loaded;
}

}  // namespace wbsim
