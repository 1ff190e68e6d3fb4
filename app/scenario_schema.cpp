#include "app/scenario_schema.hpp"

#include "models/kernel.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> words(const std::vector<std::string_view>& names) {
  return {names.begin(), names.end()};
}

void describe_kernel(KeyVisitor& v, KernelChoice& k) {
  v.leaf(choice_key("preset", kernel_words(),
                    "Kernel whose rules are simulated; pdflush is 2.6.31, bdi is 2.6.32")
             .read_by("everything in models/"),
         slot(k.preset));
  v.leaf(choice_key("flusher", words(flusher_names()), "Who cleans, in which thread, woken by what")
             .by_default("the preset's")
             .read_by("flusher threads"),
         slot(k.flusher));
  v.leaf(choice_key("throttle", words(throttle_names()), "What a writer over its limit does")
             .by_default("the preset's")
             .read_by("balance_dirty_pages"),
         slot(k.throttle));
  v.leaf(integer_key("hz", 100, 1000, "Timer ticks a second; kernel time-outs are whole ticks")
             .multiple_of(50)
             .read_by("every kernel time-out"),
         slot(k.hz));
  v.leaf(
      flag_key("smp", "Built with CONFIG_SMP: a device's share of the limits is counted in batches")
          .read_by("shares of completions, from 3.1 on"),
      slot(k.smp));
}

void describe_cpu_costs(KeyVisitor& v, CpuCosts& c) {
  const auto cost = [&v](std::string_view name, Duration& value, std::string_view meaning) {
    v.leaf(duration_key(name, 0ns, 1s, meaning).read_by("processor model"), slot(value));
  };
  cost("write_syscall", c.write_syscall, "Entry and exit of one write(2) or fsync(2)");
  cost("update_time", c.update_time, "Besides, where write(2) changes the times of the file");
  cost("write_page", c.write_page, "Finding or creating, preparing and committing a page");
  cost("tree_level", c.tree_level, "Each level of the page tree above the leaf of a written page");
  cost("tree_node", c.tree_node, "Each new node of the page tree: of every 64th page at least");
  cost("new_page", c.new_page, "Besides, of a page that was not in memory");
  cost("dirty_page", c.dirty_page, "Besides, of a page that was clean and that write(2) dirties");
  cost("page_fault", c.page_fault, "Touching a page of a mapping that cannot be stored to yet");
  cost("write_buffer", c.write_buffer, "Each buffer head of a written page: all are walked");
  cost("dirty_buffer", c.dirty_buffer, "Besides, of each buffer head that is written");
  cost("refill", c.refill, "Each 31 pages, 37 buffer heads, 7 tree nodes (63, 39, 14 in 6.1)");
  cost("lru_batch", c.lru_batch, "Each 14 new pages (15 in 6.1) put on the LRU lists together");
  cost("allocate_block", c.allocate_block, "The file system: each new block of a file");
  cost("indirect_block", c.indirect_block,
       "The file system: each indirect block on the way to a block that write(2) maps");
  cost("extent_level", c.extent_level,
       "ext4's driver without a journal: each level of the tree of a file's pieces, a new block");
  cost("copy_per_kib", c.copy_per_kib, "Copying 1024 bytes of user data");
  cost("read_page", c.read_page, "Finding a cached page in read(2)");
  cost("writeback_page", c.writeback_page, "Page scan, writepage and completion of one page");
  cost("writeback_by_bio", c.writeback_by_bio, "Besides, of a page that shares a bio with others");
  cost("writeback_by_buffers", c.writeback_by_buffers,
       "Besides, of a page that goes buffer by buffer");
  cost("writeback_buffer", c.writeback_buffer, "Each buffer submitted one by one");
  cost("request", c.request, "Allocating, queueing, dispatching and completing a request");
  cost("context_switch", c.context_switch, "Taking a processor over from another thread");
  cost("timer_tick", c.timer_tick, "Interrupt: the timer's, each tick of a processor that works");
  cost("complete_request", c.complete_request, "Interrupt: ending a request");
  cost("complete_page", c.complete_page, "Interrupt: ending the write-back of a page");
  cost("complete_by_bio", c.complete_by_bio,
       "Interrupt: besides, of a page that shared a bio with others");
  cost("complete_by_buffers", c.complete_by_buffers,
       "Interrupt: besides, of a page that went buffer by buffer");
  cost("complete_buffer", c.complete_buffer, "Interrupt: each buffer submitted one by one");
  cost("reclaim_page", c.reclaim_page, "Freeing a clean page when memory is full");
  cost("slow_allocation", c.slow_allocation,
       "Besides, of a new page that is written while more is dirty than the limit, so that no zone "
       "may hold another (3.3)");
  cost("balance_dirty", c.balance_dirty,
       "Each look of balance_dirty_pages() at the limits, from 3.1 on");
  cost("wake_flusher", c.wake_flusher,
       "Besides, of a look that starts background write-back: mod_delayed_work()");
  cost("user_call", c.user_call, "The program itself, between two calls");
}

void describe_memory_at_start(KeyVisitor& v, MemoryConfig& m) {
  v.leaf(size_key("free_at_start", 0, 64 * kTiB, "Free memory when the workloads start")
             .multiple_of(kPageSize)
             .by_default("94 % of memory")
             .read_by("page cache, dirty limits"),
         slot(m.free_at_start));
  v.leaf(size_key("file_cache_at_start", 0, 64 * kTiB,
                  "Clean file pages in memory when the workloads start, metadata included")
             .multiple_of(kPageSize)
             .by_default("1 % of memory")
             .read_by("page cache, dirty limits"),
         slot(m.file_pages_at_start));
  v.leaf(integer_key("inodes_at_start", 0, std::int64_t{1} << 40,
                     "Inodes in use that belong to no file of the scenario; a periodic pass may "
                     "write so many pages more than were dirty when it began")
             .read_by("flusher threads, sync(2)"),
         slot(m.inodes_at_start));
  v.leaf(
      size_key("dirtied_at_start", 0, 64 * kTiB,
               "What write(2) dirtied since boot: a processor's writers look at the limits every "
               "4 MiB, and begin with what is left over")
          .multiple_of(kPageSize)
          .read_by("throttles of 2.6"),
      slot(m.dirtied_at_start));
  v.leaf(size_key("unfreeable_at_start", 0, 64 * kTiB,
                  "Of the file pages at the start, those of an initramfs and mlocked ones on the "
                  "inactive list: reclaim meets them first, and fails")
             .multiple_of(kPageSize)
             .read_by("reclaim up to 2.6.27"),
         slot(m.unfreeable_at_start));
  v.leaf(size_key("pcp_at_start", 0, 64 * kTiB,
                  "Free pages that the processors' own lists (per_cpu_pages) hold when the "
                  "workloads start, beside free_at_start: new pages take these first")
             .multiple_of(kPageSize)
             .by_default("63 pages")
             .read_by("page cache of 6.1"),
         slot(m.pcp_at_start));
  v.leaf(size_key("slab_at_start", 0, 64 * kTiB,
                  "Memory of dentries and inodes that the first reclaim frees, beside "
                  "free_at_start")
             .multiple_of(kPageSize)
             .read_by("reclaim"),
         slot(m.slab_at_start));
  v.leaf(size_key("dirty_limit_at_start", kPageSize, 64 * kTiB,
                  "The tracked dirty limit (global_dirty_limit) when the workloads start, as boot "
                  "or the last write to a sysctl left it")
             .multiple_of(kPageSize)
             .by_default(
                 "3.10: the limit if all memory were free, as at boot; 6.1, or with a vm.dirty_* "
                 "of its own: the limit at the start")
             .read_by("throttle and flusher of 3.10 and later"),
         slot(m.dirty_limit_at_start));
}

void describe_machine(KeyVisitor& v, Scenario& s) {
  v.leaf(size_key("memory", 16 * kMiB, 64 * kTiB, "Memory of the machine")
             .multiple_of(kPageSize)
             .read_by("page cache, dirty limits"),
         slot(s.memory.total));
  v.leaf(size_key("highmem", 0, 64 * kTiB,
                  "Of memory, what a 32-bit kernel does not map for itself (HighTotal of "
                  "/proc/meminfo): it holds pages of files, and is left out of what can be dirty")
             .multiple_of(kPageSize)
             .read_by("dirty limits of 2.6 and later"),
         slot(s.memory.highmem));
  v.leaf(integer_key("cpus", 1, 4096, "Processors").read_by("processor model"), slot(s.cpu.cpus));
  v.leaf(choice_key("sched_clock", sched_clock_words(),
                    "What the scheduler measures run times with; jiffies where the cycle counter "
                    "is not trusted, as in many emulated machines")
             .read_by("processor model"),
         enum_slot(s.cpu.sched_clock, sched_clock_words()));
  describe_memory_at_start(v, s.memory);
  v.group(group_key("cpu_costs", "Processor time of kernel work"),
          [&] { describe_cpu_costs(v, s.cpu.costs); });
}

// Ranges as in the kernel's sysctl; those in jiffies depend on HZ and are checked with it.
void describe_bdflush(KeyVisitor& v, BdflushSysctl& b) {
  constexpr int kHzMax = 1000;
  v.leaf(integer_key("nfract", 0, 100,
                     "Percent of buffer memory dirty from which bdflush (2.4.0) or the writer "
                     "(2.4.17) writes")
             .by_default("30 (2.4.0), 40 (2.4.17)")
             .read_by("balance_dirty of 2.4"),
         slot(b.nfract));
  v.leaf(integer_key("ndirty", 10, 50'000, "Buffers in a cycle of bdflush")
             .by_default("64; 2.4.17 does not use it")
             .read_by("bdflush of 2.4.0"),
         slot(b.ndirty));
  v.leaf(
      integer_key("nrefill", 5, 20'000, "Clean buffers to get at a refill; no kernel here reads it")
          .by_default("64; 2.4.17: 0")
          .read_by("nobody"),
      slot(b.nrefill));
  v.leaf(integer_key("interval", 0, 10'000 * kHzMax,
                     "Jiffies between two runs of kupdate; 0: it is stopped")
             .by_default("vm.dirty_writeback_centisecs")
             .read_by("kupdate of 2.4"),
         slot(b.interval));
  v.leaf(integer_key("age_buffer", 100, 6'000 * kHzMax,
                     "Jiffies after which kupdate writes a dirty buffer")
             .by_default("vm.dirty_expire_centisecs")
             .read_by("kupdate of 2.4"),
         slot(b.age_buffer));
  v.leaf(integer_key("nfract_sync", 0, 100,
                     "Percent of buffer memory dirty from which the writer writes too (2.4.0) or "
                     "waits (2.4.17)")
             .by_default("60")
             .read_by("balance_dirty of 2.4"),
         slot(b.nfract_sync));
}

void describe_vm(KeyVisitor& v, VmSysctl& vm, bool has_highmem) {
  v.leaf(integer_key("dirty_ratio", 0, 100,
                     "Writers are throttled above this much dirty memory, in percent of what can "
                     "be dirty")
             .by_default("the preset's, unless dirty_bytes is given")
             .read_by("dirty limits"),
         slot(vm.dirty_ratio));
  v.leaf(integer_key("dirty_background_ratio", 0, 100,
                     "Flusher threads write above this much dirty memory, in percent of what can "
                     "be dirty")
             .by_default("the preset's, unless dirty_background_bytes is given")
             .read_by("dirty limits, flusher threads"),
         slot(vm.dirty_background_ratio));
  v.leaf(size_key("dirty_bytes", 2 * kPageSize, 64 * kTiB, "As dirty_ratio, as a size")
             .by_default("unset")
             .read_by("dirty limits"),
         slot(vm.dirty_bytes));
  v.leaf(size_key("dirty_background_bytes", 1, 64 * kTiB, "As dirty_background_ratio, as a size")
             .by_default("unset")
             .read_by("dirty limits, flusher threads"),
         slot(vm.dirty_background_bytes));
  v.leaf(integer_key("dirty_expire_centisecs", 0, 8'640'000,
                     "Data dirty for longer is written by the periodic pass, in 1/100 s")
             .read_by("flusher threads"),
         slot(vm.dirty_expire_centisecs));
  v.leaf(integer_key("dirty_writeback_centisecs", 0, 8'640'000,
                     "Time between two periodic passes, in 1/100 s; 0: none")
             .read_by("flusher threads"),
         slot(vm.dirty_writeback_centisecs));
  v.leaf(integer_key("dirtytime_expire_seconds", 1, 31'536'000,
                     "Times that were put off for longer are written by the next pass over them; "
                     "there is one each time so long has passed since boot, in s")
             .by_default("43200")
             .read_by("flusher threads"),
         slot(vm.dirtytime_expire_seconds));
  v.leaf(integer_key("min_free_kbytes", 128, std::int64_t{1} << 32,
                     "KiB of free memory below which a writer frees pages itself; from 2.6.39 on "
                     "it is not dirtyable either")
             .by_default("4 times the root of memory in KiB, 128 to 65536")
             .read_by("reclaim and dirty limits of 2.6 and later"),
         slot(vm.min_free_kbytes));
  v.leaf(integer_key("watermark_scale_factor", 1, 1000,
                     "Least distance of two watermarks of free memory, in 1/10000 of memory")
             .by_default("10")
             .read_by("reclaim and dirty limits of 4.6 and later"),
         slot(vm.watermark_scale_factor));
  v.leaf(integer_key("laptop_mode", 0, 86400,
                     "Everything dirty is written so many seconds after the last request, and "
                     "writers start background write-back only when they have to write themselves; "
                     "0: off")
             .read_by("throttle, flusher threads"),
         slot(vm.laptop_mode));
  v.leaf(integer_key("highmem_is_dirtyable", 0, 1, "1: high memory counts as what can be dirty")
             .only("with machine highmem", has_highmem)
             .read_by("dirty limits of 2.6.25 and later"),
         slot(vm.highmem_is_dirtyable));
  v.group(group_key("bdflush", "/proc/sys/vm/bdflush of 2.4, in the kernel's units"),
          [&] { describe_bdflush(v, vm.bdflush); });
}

void describe_replay(KeyVisitor& v, ReplayConfig& r) {
  const std::string reader = "workload";
  v.leaf(name_key("name", "Name in every result").needed(), slot(r.name));
  v.leaf(name_key("file",
                  "File of calls beside the scenario, as wbsim import writes it; its lines: "
                  "thread,start_ns,duration_ns,call,file,offset,length,flags")
             .needed()
             .read_by(reader),
         slot(r.file));
  v.leaf(name_key("thread", "Whose calls of the file are made")
             .by_default("the only one")
             .read_by(reader),
         slot(r.thread));
  v.leaf(choice_key("pace", replay_pace_words(),
                    "Keeps the recorded time between the end of a call and the next; starts each "
                    "when it was; or makes them without pause")
             .read_by(reader),
         enum_slot(r.pace, replay_pace_words()));
}

// What a recording took from the machine that it recorded.
void describe_recorder(KeyVisitor& v, RunConfig& r) {
  v.leaf(duration_key("sample_cost", 0s, 1s,
                      "Processor time each sample takes, as that of whoever records a real run")
             .read_by("processor model"),
         slot(r.sample_cost));
  v.leaf(duration_key("thread_census", 0s, 1s,
                      "Processor time more for the first and each fifth sample after it, in which "
                      "the recorder of a real run counted threads")
             .read_by("processor model"),
         slot(r.thread_census));
  v.leaf(
      flag_key("recorder_competes",
               "The recorder waits for the processor like a job, at nice -20; otherwise it takes "
               "the time of each sample from whoever has it")
          .read_by("processor model"),
      slot(r.recorder_competes));
  v.leaf(duration_key("first_sample_delay", 0s, 1s,
                      "The recorder's first sample was so late, as others had the processor")
             .read_by("processor model"),
         slot(r.first_sample_delay));
  v.leaf(size_key("kept_pages", 0, 64 * kTiB,
                  "The disk of whoever records a real run keeps so much of what is written to a "
                  "device node in a table")
             .multiple_of(kPageSize)
             .read_by("request queue"),
         slot(r.kept_pages));
  v.leaf(duration_key("kept_pages_search", 0s, 1s,
                      "Processor time that the end of a write to a device node takes more for each "
                      "page, once the table of kept_pages is full")
             .read_by("request queue"),
         slot(r.kept_pages_search));
}

void describe_run(KeyVisitor& v, RunConfig& r) {
  v.leaf(integer_key("seed", 0, std::numeric_limits<std::int64_t>::max(),
                     "Every random stream derives from it")
             .read_by("random workloads, rotation of hdd"),
         slot(r.seed));
  v.leaf(choice_key("until", run_until_words(),
                    "When the run ends: all jobs done and nothing dirty; all jobs done; duration")
             .read_by("machine"),
         enum_slot(r.until, run_until_words()));
  v.leaf(duration_key("duration", 1us, 365 * kDay,
                      "The run ends at the latest with the first sample from here on")
             .read_by("machine"),
         slot(r.duration));
  v.leaf(duration_key("settle", 0s, kDay, "With until clean: how long it must have stayed clean")
             .read_by("machine"),
         slot(r.settle));
  v.leaf(duration_key("sample_interval", 10us, kDay, "Time between two rows of samples.csv")
             .read_by("machine"),
         slot(r.sample_interval));
  v.leaf(duration_key("uptime_at_start", 0s, 365 * kDay,
                      "Time from boot to the start of the jobs; sets the phase of periodic passes")
             .read_by("machine"),
         slot(r.uptime_at_start));
  v.leaf(duration_key("samples_before_start", 0s, kDay, "Sampling begins so long before the jobs")
             .read_by("machine"),
         slot(r.samples_before_start));
  v.leaf(duration_key("first_tick", 0s, kDay,
                      "Time from boot to the first timer tick; the phase of coarse timers of 6.1")
             .read_by("kernel timers"),
         slot(r.first_tick));
  describe_recorder(v, r);
  v.leaf(duration_key("periodic_start", 0s, 365 * kDay,
                      "Time from boot to when periodic write-back began to tick")
             .read_by("flusher threads"),
         slot(r.periodic_start));
  v.leaf(flag_key("flusher_threads_at_start",
                  "The per-device flusher threads exist already, made at periodic_start")
             .read_by("flusher threads"),
         slot(r.flusher_threads_at_start));
  v.leaf(duration_key("power_cut", 1ns, 365 * kDay,
                      "The power fails so long after the start of the jobs: the run ends there and "
                      "says, for each file, where its data was")
             .by_default("never")
             .read_by("machine, devices"),
         slot(r.power_cut));
  v.leaf(flag_key("data_at_risk",
                  "samples.csv has how much data a power cut would lose, and where it is")
             .read_by("machine, devices"),
         slot(r.data_at_risk));
}

void describe_expectation(KeyVisitor& v, Expectation& e) {
  const std::string reader = "run, compare";
  v.leaf(choice_key("kernel", kernel_words(), "Checked only in runs of this preset or policy")
             .by_default("every run")
             .read_by(reader),
         slot(e.kernel));
  const bool range = !e.kernel && !e.compare;
  v.leaf(choice_key("since", kernel_words(), "Checked in runs of this kernel and later ones")
             .by_default("the first")
             .only("without kernel and compare", range)
             .read_by(reader),
         slot(e.since));
  v.leaf(choice_key("until", kernel_words(), "Checked in runs of this kernel and earlier ones")
             .by_default("the last")
             .only("without kernel and compare", range)
             .read_by(reader),
         slot(e.until));
  v.leaf(pair_key("compare", kernel_words(),
                  "Checked only in comparisons of these two: the first's value / the second's")
             .by_default("unset")
             .read_by(reader),
         slot(e.compare));
  v.leaf(text_key("metric",
                  "JSON pointer into summary.json, e.g. /writers/dd/write/clat_ns/percentile/"
                  "99.000000")
             .needed()
             .read_by(reader),
         slot(e.metric));
  const bool single = !e.compare.has_value();
  v.leaf(quantity_key("at_least", "Lower bound").only("without compare", single).read_by(reader),
         slot(e.at_least));
  v.leaf(quantity_key("at_most", "Upper bound").only("without compare", single).read_by(reader),
         slot(e.at_most));
  v.leaf(quantity_key("equals", "Exact value").only("without compare", single).read_by(reader),
         slot(e.equals));
  v.leaf(real_key("ratio_at_least", 0, 1e12, "Lower bound of the ratio")
             .only("with compare", !single)
             .read_by(reader),
         slot(e.ratio_at_least));
  v.leaf(real_key("ratio_at_most", 0, 1e12, "Upper bound of the ratio")
             .only("with compare", !single)
             .read_by(reader),
         slot(e.ratio_at_most));
}

}  // namespace

std::vector<std::string> kernel_words() {
  return words(kernel_names());
}

std::vector<std::string> replay_pace_words() {
  return {"think", "timestamps", "closed-loop"};
}

std::vector<std::string> sched_clock_words() {
  return {"tsc", "jiffies"};
}

std::vector<std::string> run_until_words() {
  return {"clean", "jobs-done", "duration"};
}

void describe(KeyVisitor& v, ScenarioFile& file) {
  Scenario& s = file.scenario;
  v.leaf(choice_key("schema", {kScenarioSchema}, "Format of this file").needed(),
         slot(file.schema));
  v.leaf(name_key("name", "Name of the scenario").needed(), slot(s.name));
  v.leaf(text_key("description", "What happens; its first sentence stands in the catalogue")
             .by_default("unset"),
         slot(file.description));
  v.leaf(text_key("source", "Where the phenomenon was seen").by_default("unset"),
         slot(file.source));
  v.leaf(text_key("expected", "What should be seen, in words").by_default("unset"),
         slot(file.expected));
  v.group(group_key("kernel", "Which kernel is simulated"), [&] { describe_kernel(v, s.kernel); });
  v.group(group_key("machine", "Memory and processors"), [&] { describe_machine(v, s); });
  v.group(group_key("vm", "The sysctls vm.*, with the kernel's units"),
          [&] { describe_vm(v, s.vm, s.memory.highmem > Bytes(0)); });
  v.list(group_key("devices", "Disks").needed(), list_slot(s.devices, describe_device));
  v.list(group_key("filesystems", "File systems and their files"),
         list_slot(s.filesystems, describe_filesystem));
  v.list(group_key("cgroups",
                   "Memory cgroups below the root; each has a flusher and dirty limits of its own "
                   "for each device: the kernel's CONFIG_CGROUP_WRITEBACK, from 4.2 on"),
         list_slot(s.cgroups, describe_cgroup));
  v.list(group_key("workloads", "Simulated processes, in fio's words"),
         list_slot(s.jobs, describe_job));
  v.list(group_key("replays", "Simulated processes that make recorded calls"),
         list_slot(s.replays, describe_replay));
  v.group(group_key("run", "Length, sampling and seed of the run"),
          [&] { describe_run(v, s.run); });
  v.list(group_key("expect", "Bounds that are checked after the run"),
         list_slot(file.expect, describe_expectation));
}

}  // namespace wbsim
