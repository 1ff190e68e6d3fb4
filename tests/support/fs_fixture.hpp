// A small world for the file side: one disk, one file whose get_block() is scripted, the page cache
// and the buffers, without flushers and throttles. Processor time is free.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/block/single_queue.hpp"
#include "models/fs/block_write_full_page.hpp"
#include "models/fs/buffer.hpp"
#include "tests/support/block_fixture.hpp"
#include "tests/support/fs_scripted.hpp"

namespace wbsim {

struct FsSetup {
  int block_size = 1024;
  bool mpage = false;
  FsRules rules;
  MemoryParams memory{.total = Pages(4096), .free_at_start = Pages(4000)};
  BlockSetup block;

  static FsSetup of_2624() {
    FsSetup setup;
    setup.rules = {.page_scan = PageScanRule::k2624,
                   .sync_bios = false,
                   .map_delay = false,
                   .task_dirty_by_buffers = false};
    return setup;
  }
};

class FsFixture : private DirtyListener, private DirtyThrottle {
 public:
  explicit FsFixture(const FsSetup& setup = {})
      : sim(setup.block.sim),
        ticks(setup.block.hz),
        processors(sim, ticks, 1, SchedRules{}, Duration::zero()),
        cache(setup.memory, Proportions(10), Proportions(10)),
        vfs(sim, ticks, processors, CpuCosts::none(), cache, setup.rules, setup.memory.total),
        disk(make_device(setup.block.device)),
        queue(sim, ticks, *disk, setup.block.queue, setup.block.rules, block_layer, log),
        device(with_queue().add(vfs, bdi, Sectors(0), disk->capacity(), log2_of(setup.block_size))),
        file(cache.tree_nodes(), fs, 1, log2_of(setup.block_size)) {
    vfs.dirty_listener = this;
    vfs.throttle = this;
    fs.vfs = &vfs;
    fs.device = &device;
    fs.mpage = setup.mpage;
    file.i_data.bdi = &bdi;
    file.i_size = 8192;
  }
  ~FsFixture() { sim.destroy_processes(); }

  int blocks_per_page() const { return static_cast<int>(kPageSize / file.block_size()); }
  // A page of the file in the cache, unlocked and without buffers.
  Page& add_page(PageIndex index, PageFlag flag = PageFlag{}) {
    Page& page = cache.add_to_page_cache(file.i_data, index);
    cache.unlock_page(page);
    page.set(flag);
    return page;
  }
  Page& lock(Page& page) {
    WB_ASSERT(!page.test(PG_locked));
    page.set(PG_locked);
    return page;
  }
  BufferHead& buffer(Page& page, int number) {
    BufferHead* bh = &page_buffers(vfs, page);
    for (; number > 0; --number)
      bh = &bh->next();
    return *bh;
  }
  // For what makes a task wait: spawns it, and runs the world until nothing happens any more.
  template <class T>
  T await(Task<T> body) {
    std::optional<T> result;
    sim.spawn("test", keep(std::move(body), result));
    run();
    return result.value();
  }
  void await(Task<> body) {
    sim.spawn("test", std::move(body));
    run();
  }
  template <class T>
  void spawn(Task<T> body, std::optional<T>& result) {
    sim.spawn("test", keep(std::move(body), result), ProcessKind::kDaemon);
  }
  void run() { sim.run_until(sim.now() + std::chrono::hours(1)); }
  // As long as that, even when nothing happens.
  void run_for(Duration d) {
    sim.at(sim.now() + d, {[](void*, std::uint64_t) {}});
    sim.run_until(sim.now() + d);
  }

  // The bio that the next single buffer, or the next run of pages, will be given.
  FileBio& next_buffer_bio() { return free_again(vfs.bios.allocate_for_buffer()); }
  FileBio& next_page_bio() { return free_again(vfs.bios.allocate_for_pages()); }
  // A bio that was submitted ends with an error instead.
  void make_fail(FileBio& bio) {
    WB_ASSERT(bio.bi_end_io);
    vfs.faulty[&bio] = bio.bi_end_io;
    bio.bi_end_io = [](Bio& failed, bool) {
      auto& self = static_cast<FaultyVfs&>(*static_cast<Vfs*>(failed.bi_private));
      failed.bi_end_io = self.faulty.at(&failed);
      failed.bi_end_io(failed, false);
    };
  }

  struct FaultyVfs : Vfs {
    using Vfs::Vfs;
    std::map<const Bio*, void (*)(Bio&, bool)> faulty;
  };

  Simulator sim;
  TickClock ticks;
  Processors processors;
  PageCache cache;
  FaultyVfs vfs;
  std::unique_ptr<Device> disk;
  BlockLayer block_layer;
  RequestLog log;
  SingleQueue queue;
  BackingDevInfo bdi;
  BlockDevSuperBlock block_devices;
  Inode& device;
  ScriptedFs fs;
  Inode file;
  TaskStruct task{"task"};
  TaskStruct other_task{"other"};
  std::vector<Inode*> dirtied;  // inodes that turned dirty, in order
  Pages pages_at_once{};        // that a write may count together

 private:
  static int log2_of(int power_of_two) {
    int bits = 0;
    while ((1 << bits) < power_of_two)
      ++bits;
    return bits;
  }
  BlockDevSuperBlock& with_queue() {
    bdi.queue = &queue;
    return block_devices;
  }
  FileBio& free_again(FileBio& bio) {
    vfs.bios.free(bio);
    return bio;
  }
  template <class T>
  static Task<> keep(Task<T> body, std::optional<T>& result) {
    result = co_await body;
  }
  void inode_dirtied(Inode& inode) override { dirtied.push_back(&inode); }
  bool ratelimit(TaskStruct&, const AddressSpace&, Pages) override { return false; }
  Pages until_due(const TaskStruct&, const AddressSpace&) const override { return pages_at_once; }
  Task<> balance_dirty_pages(TaskStruct&, AddressSpace&) override { co_return; }
};

}  // namespace wbsim
