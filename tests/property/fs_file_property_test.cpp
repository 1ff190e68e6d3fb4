// Random writes, reads, write-backs and truncations of a file, by several tasks at once: afterwards
// everything adds up, and everything that was dirtied is on the disk.
#include <rapidcheck.h>

#include <catch2/catch.hpp>

#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/truncate.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kMaxSize = 40 * 4096;

struct Step {
  int kind = 0;
  std::int64_t pos = 0, length = 1;
  int pause_us = 0;
  bool flag = false;
};

Step random_step() {
  Step step;
  step.kind = *rc::gen::inRange(0, 9);
  step.pos = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(0, kMaxSize));
  step.length = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(1, 30000));
  step.pause_us = *rc::gen::inRange(0, 400);
  step.flag = *rc::gen::arbitrary<bool>();
  return step;
}

Task<> scan(FsFixture& f, Step step, TaskStruct& task) {
  WritebackControl wbc;
  wbc.nr_to_write = 1 + step.length % 20;
  wbc.range_cyclic = true;
  wbc.nonblocking = step.flag;
  const Errno result = co_await do_writepages(f.vfs, f.file, wbc, task);
  RC_ASSERT(result == Errno::kOk);
}

Task<> take_step(FsFixture& f, Step step, FileRaState& ra, TaskStruct& task) {
  Errno result = Errno::kOk;
  if (step.kind < 3)
    result = co_await generic_file_write(f.vfs, f.file, step.pos, step.length, task);
  else if (step.kind < 5)
    result = co_await generic_file_read(f.vfs, f.file, step.pos, step.length, ra, 16, task);
  else if (step.kind == 5)
    result = co_await filemap_fdatawrite(f.vfs, f.file, task);
  else if (step.kind == 6)
    result = co_await filemap_fdatawait(f.vfs, f.file, task);
  else if (step.kind == 7)
    co_await scan(f, step, task);
  if (step.kind == 8) {
    co_await mutex_lock(f.vfs, f.file, task);
    result = co_await truncate(f.vfs, f.file, step.pos, task);
    mutex_unlock(f.file);
  }
  RC_ASSERT(result == Errno::kOk);
}

Task<> take_steps(FsFixture& f, const std::vector<Step>& steps, TaskStruct& task) {
  FileRaState ra;
  for (const Step& step : steps) {
    co_await take_step(f, step, ra, task);
    co_await f.sim.delay(std::chrono::microseconds(step.pause_us));
    f.cache.check();
  }
}

FsSetup random_setup() {
  FsSetup setup = *rc::gen::arbitrary<bool>() ? FsSetup{} : FsSetup::of_2624();
  setup.block_size = *rc::gen::element(512, 1024, 2048, 4096);
  setup.mpage = *rc::gen::arbitrary<bool>();
  // With 130 pages free, reclaim begins after 30.
  setup.memory = {Pages(200), Pages(*rc::gen::element(200, 130)), Pages(0), Pages(80)};
  setup.block.queue.scheduler = *rc::gen::element<std::string>("noop", "deadline");
  setup.block.queue.nr_requests = *rc::gen::inRange(4, 20);
  setup.block.queue.max_sectors = Sectors(*rc::gen::inRange(8, 130));
  setup.block.sim.shuffle_ties = true;
  setup.block.sim.seed = *rc::gen::arbitrary<std::uint64_t>();
  return setup;
}

// A page is as the disk has it: clean, idle, and no buffer of it in use.
void check_clean(FsFixture& f, const Page& page) {
  RC_ASSERT((page.flags & (PG_dirty | PG_writeback | PG_locked | PG_error)) == 0);
  RC_ASSERT(page.count == 0);
  RC_ASSERT(page.b_count == 0);
  if (!page.test(PG_private))
    return;
  for_each_buffer(f.vfs, page, [&](const BufferHead& bh) {
    RC_ASSERT(!bh.test(BH_Dirty) && !bh.test(BH_Lock) && !bh.test(BH_New));
    RC_ASSERT(!bh.test(BH_Async_Read) && !bh.test(BH_Async_Write));
  });
}

void use_file_at_random() {
  FsFixture f(random_setup());
  f.file.i_size = *rc::gen::inRange<std::int64_t>(0, kMaxSize);
  for (std::int64_t n = 0; n * f.file.block_size() < f.file.i_size; ++n)
    if (*rc::gen::inRange(0, 4) > 0)  // the rest are holes
      f.fs.blocks[n] = 100 + n + 3 * (n / 7);
  f.fs.first_new = 2000;
  const auto random_steps = [] {
    return *rc::gen::container<std::vector<Step>>(rc::gen::exec(random_step));
  };
  const std::vector<Step> first = random_steps();
  const std::vector<Step> second = random_steps();
  f.sim.spawn("first", take_steps(f, first, f.task));
  f.sim.spawn("second", take_steps(f, second, f.other_task));
  f.run();
  RC_ASSERT(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  RC_ASSERT(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kOk);
  f.cache.check();
  RC_ASSERT(f.cache.counters().nr_file_dirty == Pages(0));
  RC_ASSERT(f.bdi.reclaimable.sum() == Pages(0));
  RC_ASSERT(f.bdi.writeback.sum() == Pages(0));
  RC_ASSERT(f.queue.idle());
  for (PageIndex i = f.file.i_data.pages.next_present(0); i != PageTree::kNone;
       i = f.file.i_data.pages.next_present(i + 1))
    check_clean(f, *f.cache.find_get_page(f.file.i_data, i));
}

// Everything that a write(2) of a device leaves behind.
std::vector<std::string> device_state(FsFixture& f) {
  std::vector<std::string> lines;
  const PageTree& pages = f.device.i_data.pages;
  for (PageIndex i = pages.next_present(0); i != PageTree::kNone; i = pages.next_present(i + 1)) {
    const Page& page = *f.cache.find_get_page(f.device.i_data, i);
    std::string line = std::to_string(i) + " is page " + std::to_string(f.cache.id_of(page)) +
                       (pages.tagged(i, PageTag::kDirty) ? ", tagged, flags " : ", flags ") +
                       std::to_string(page.flags) + " after " + std::to_string(page.lru_next);
    for_each_buffer(f.vfs, page, [&](const BufferHead& bh) {
      line += " " + std::to_string(f.vfs.buffers.id_of(bh)) + ":" + to_text(bh);
    });
    lines.push_back(line);
  }
  const VmCounters& vm = f.cache.counters();
  for (const Pages count :
       {vm.nr_file_dirty, vm.nr_dirtied, vm.nr_file_pages, vm.peak_dirty, f.cache.free_pages(),
        f.bdi.reclaimable.sum(), f.bdi.dirtied.sum(), f.task.nr_dirtied, f.task.dirtied_uncounted})
    lines.push_back(std::to_string(count.count()));
  lines.push_back(std::to_string(f.dirtied.size()));
  lines.push_back(std::to_string(f.cache.reclaimed()));
  return lines;
}

void write_at_once_or_one_by_one() {
  const FsSetup setup = random_setup();
  FsFixture one_by_one(setup);
  FsFixture at_once(setup);
  at_once.pages_at_once = Pages(*rc::gen::inRange(2, 100));
  const auto steps = *rc::gen::container<std::vector<Step>>(rc::gen::exec(random_step));
  for (const Step& step : steps) {
    // Half of the writes begin and end with a page.
    const std::int64_t align = step.flag ? kPageSize : 1;
    const std::int64_t pos = step.pos / align * align;
    const std::int64_t length = (step.length * 4 + align) / align * align;
    for (FsFixture* f : {&one_by_one, &at_once}) {
      const bool sync = step.kind == 0;
      RC_ASSERT(f->await(generic_file_write(f->vfs, f->device, pos, length, f->task)) ==
                Errno::kOk);
      if (sync)
        RC_ASSERT(f->await(filemap_fdatawrite(f->vfs, f->device, f->task)) == Errno::kOk);
      f->cache.check();
    }
    RC_ASSERT(device_state(one_by_one) == device_state(at_once));
  }
}

TEST_CASE("pages written at once are as if they were written one by one", "[fs]") {
  CHECK(rc::check("the same writes", write_at_once_or_one_by_one));
}

TEST_CASE("a file used at random is consistent at all times, and on the disk at the end", "[fs]") {
  CHECK(rc::check("two tasks", use_file_at_random));
}

}  // namespace
}  // namespace wbsim
