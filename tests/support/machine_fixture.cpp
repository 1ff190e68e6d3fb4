#include "tests/support/machine_fixture.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

namespace {

MemoryParams memory_of(const Scenario& s, const KernelRow& row) {
  MemoryParams params;
  params.total = whole_pages(s.memory.total);
  params.free_at_start = s.memory.free_at_start.value_or(params.total * 9 / 10);
  params.file_pages_at_start = s.memory.file_pages_at_start.value_or(Pages(0));
  if (row.unfreeable_on_lru)
    params.unfreeable_at_start = s.memory.unfreeable_at_start;
  params.highmem = whole_pages(s.memory.highmem);
  params.min_free = Pages(32);
  return params;
}

Proportions proportions_of(const Scenario& s, const KernelRow& row) {
  return Proportions(Proportions::period_shift(memory_of(s, row).free_at_start / 5));
}

}  // namespace

Task<Errno> SlowInodes::write_inode(Inode& inode, TaskStruct& task, bool) {
  written.push_back({vfs_.sim.now(), inode.i_ino, task.name()});
  if (takes > Duration::zero())
    co_await vfs_.sim.delay(takes);
  co_return Errno::kOk;
}

MachineFixture::MachineFixture(const Scenario& scenario)
    : config(scenario),
      row(*find_kernel(scenario.kernel.preset)),
      sim({.seed = scenario.run.seed}),
      ticks(scenario.kernel.hz),
      processors(sim, ticks, scenario.cpu.cpus, row.sched, scenario.cpu.costs.context_switch,
                 scenario.cpu.sched_clock),
      cache(memory_of(scenario, row), proportions_of(scenario, row), proportions_of(scenario, row)),
      vfs(sim, ticks, processors, scenario.cpu.costs, cache, row.fs,
          whole_pages(scenario.memory.total)),
      context(vfs, block_layer.congestion, log) {
  context.rules = row.writeback;
  context.vm.dirty_ratio = config.vm.dirty_ratio.value_or(row.dirty_ratio);
  context.vm.dirty_background_ratio =
      config.vm.dirty_background_ratio.value_or(row.dirty_background_ratio);
  context.vm.dirty_bytes = config.vm.dirty_bytes.value_or(0);
  context.vm.dirty_background_bytes = config.vm.dirty_background_bytes.value_or(0);
  context.dirty_expire_interval = Jiffies(config.vm.dirty_expire_centisecs * ticks.hz() / 100);
  context.dirty_writeback_interval =
      Jiffies(config.vm.dirty_writeback_centisecs * ticks.hz() / 100);
  context.dirtytime_expire_interval =
      context.hz() * config.vm.dirtytime_expire_seconds.value_or(43200);
  context.congestion_index = row.queue.write_index();
  context.ratelimit_pages = writeback_ratelimit(whole_pages(config.memory.total), config.cpu.cpus);
  context.origin = TimePoint(config.run.uptime_at_start);
  context.periodic_start = TimePoint(config.run.periodic_start);
  context.wheel = TimerWheel(row.writeback.timers, ticks, config.run.first_tick);
  if (has_flex_shares(row.writeback.limits))
    cache.use_flex_shares(FlexProportions(context.hz() * 3, context.wheel), sim);
  context.domain.dirty_limit = context.dirty_limits().dirty;
  context.super_blocks.push_back(&block_devices);
  if (row.buffer_cache)
    kernel24 = std::make_unique<Kernel24>(context, tq_disk, *row.buffer_cache,
                                          v24::default_bdf_prm(*row.buffer_cache, ticks.hz()));
  for (const DeviceConfig& device : config.devices)
    add_disk(device);
  for (std::size_t i = 0; i < config.filesystems.size(); ++i) {
    Ext2& fs = *filesystems.emplace_back(make_filesystem(vfs, raw(i), config.filesystems[i]));
    fs.s_number = static_cast<int>(context.super_blocks.size());
    context.super_blocks.push_back(&fs);
    for (const FileConfig& file_config : config.filesystems[i].files)
      fs.create(file_config);
  }
}

void MachineFixture::add_disk(const DeviceConfig& device) {
  Disk& disk = disks.emplace_back();
  disk.device = make_device(device);
  QueueParams params = queue_params(device);
  params.cpus = config.cpu.cpus;
  params.memory = config.memory.total;
  params.device_index = static_cast<int>(disks.size()) - 1;
  params.origin = context.origin;
  params.tq_disk = &tq_disk;
  disk.queue = make_request_queue(sim, ticks, *disk.device, params, row.queue, block_layer, log);
  disk.bdi.id = params.device_index;
  disk.bdi.name = device.name;
  disk.bdi.queue = disk.queue.get();
  disk.bdi.min_ratio = device.min_ratio;
  disk.bdi.max_ratio = device.max_ratio;
  disk.bdi.strict_limit = device.strict_limit;
  context.add_device(disk.bdi);
  block_devices.add(vfs, disk.bdi, Sectors(0), Sectors(device.capacity.count() / kSectorSize), 12);
}

Task<> MachineFixture::run_at(Simulator& sim, TimePoint when, std::function<void()> what) {
  co_await sim.delay_until(when);
  what();
}

SlowInodes& MachineFixture::mount_slow_inodes(std::size_t disk) {
  SlowInodes& sb = slow_inodes.emplace_back(vfs, bdi(disk));
  sb.s_number = static_cast<int>(context.super_blocks.size());
  context.super_blocks.push_back(&sb);
  return sb;
}

void MachineFixture::start_flusher() {
  const std::string flusher_name = config.kernel.flusher.value_or(std::string(row.flusher));
  const std::string throttle_name = config.kernel.throttle.value_or(std::string(row.throttle));
  if (kernel24)
    flusher = std::make_unique<Bdflush>(context, kernel24->buffers, kernel24->inodes);
  else if (flusher_name == "pdflush")
    flusher = std::make_unique<PdflushPool>(context, row.pdflush);
  else if (flusher_name == "bdi_wq")
    flusher = std::make_unique<WbFlusher>(context);
  else
    flusher = std::make_unique<BdiFlusher>(context,
                                           config.run.flusher_threads_at_start
                                               ? BdiFlusher::ThreadsAtStart::kAll
                                               : BdiFlusher::ThreadsAtStart::kNone,
                                           row.bdi);
  if (kernel24)
    throttle = std::make_unique<BalanceDirty>(context, kernel24->buffers);
  else if (throttle_name == "ioless")
    throttle = std::make_unique<IolessThrottle>(context, *flusher, config.cpu.cpus);
  else
    throttle = std::make_unique<WriterThrottle>(
        context, *flusher,
        throttle_name == "pause" ? ThrottleWait::kPause : ThrottleWait::kCongestion,
        config.cpu.cpus, config.memory.dirtied_at_start);
  vfs.dirty_listener = flusher.get();
  vfs.throttle = throttle.get();
  vfs.reclaim_throttle = &vm_writeout.emplace(context, *flusher);
  flusher->start();
  for (const auto& fs : filesystems)
    if (Jbd2* const journal = fs->journal())
      sim.spawn("jbd2", journal->kjournald2(context.wheel), ProcessKind::kDaemon);
}

void MachineFixture::dirty_pages(Inode& inode, PageIndex first, PageIndex count,
                                 TaskStruct* dirtier) {
  for (PageIndex index = first; index < first + count; ++index) {
    Page* found = cache.find_get_page(inode.i_data, index);
    if (!found) {
      found = &cache.add_to_page_cache(inode.i_data, index);
      found->set(PG_uptodate);
      cache.unlock_page(*found);
    }
    set_page_dirty_buffers(vfs, *found, dirtier);
  }
}

Sectors MachineFixture::on_disk(Inode& inode, PageIndex page_index) {
  BufferHead bh{};
  std::int64_t missing = -1;
  const int blocks_per_page_shift = static_cast<int>(kPageShift) - inode.i_blkbits;
  const std::int64_t block = std::int64_t{page_index} << blocks_per_page_shift;
  WB_ASSERT(inode.i_sb->get_block(inode, block, bh, false, missing) == GetBlock::kMapped);
  return inode.i_data.disk_start + Sectors(bh.b_blocknr() << (inode.i_blkbits - kSectorShift));
}

bool MachineFixture::was_written(Sectors start, Sectors length) const {
  for (std::int64_t sector = start.count(); sector < (start + length).count(); ++sector) {
    const bool covered =
        std::any_of(log.requests.begin(), log.requests.end(), [&](const RequestRecord& rq) {
          return rq.write && rq.sector.count() <= sector &&
                 sector < (rq.sector + rq.sectors).count();
        });
    if (!covered)
      return false;
  }
  return true;
}

std::vector<PageIndex> MachineFixture::tagged(const Inode& inode, PageTag tag) const {
  std::vector<PageIndex> found;
  PageIndex index = inode.i_data.pages.next_tagged(0, tag);
  for (; index != PageTree::kNone; index = inode.i_data.pages.next_tagged(index + 1, tag))
    found.push_back(index);
  return found;
}

}  // namespace wbsim
