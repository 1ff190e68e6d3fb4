// The generation table: which flusher, which throttle, which rules, per kernel version.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "models/block/request_queue.hpp"
#include "models/fs/buffer24_cache.hpp"
#include "models/fs/vfs.hpp"
#include "models/scenario.hpp"
#include "models/sched/processors.hpp"
#include "models/writeback/bdi_flusher.hpp"
#include "models/writeback/pdflush.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

struct KernelRow {
  std::string_view name;       // release, "2.6.31"
  std::string_view alias;      // policy name, "pdflush"; may be empty
  std::string_view flusher;    // "pdflush", "bdi", "bdi_wq"
  std::string_view throttle;   // "congestion_wait", "pause", "ioless"
  int dirty_background_ratio;  // sysctl defaults, percent
  int dirty_ratio;
  WritebackRules writeback;
  PdflushRules pdflush;
  BdiRule bdi;
  FsRules fs;
  QueueRules queue;
  SchedRules sched;
  PageBatches batches{};
  bool unfreeable_on_lru = false;            // up to 2.6.27; then on a list of their own
  bool shadow_entries = false;               // 3.15: of pages that reclaim took
  bool counts_in_steps = false;              // NodeStats, BdiStat; earlier ones are exact here
  std::optional<v24::Release> buffer_cache;  // 2.4: dirty data is buffers on LRU lists
};

// By release or alias; null when unknown.
const KernelRow* find_kernel(std::string_view name);
const std::vector<KernelRow>& kernels();
std::vector<std::string_view> kernel_names();  // releases and aliases

// vm.dirty_background_ratio and vm.dirty_ratio until somebody writes to them, in percent.
struct RatiosAtBoot {
  int background, dirty;
};
RatiosAtBoot ratios_at_boot(const KernelRow& row, const MemoryConfig& memory);
const std::vector<std::string_view>& flusher_names();
const std::vector<std::string_view>& throttle_names();

}  // namespace wbsim
