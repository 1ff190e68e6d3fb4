// The generation table: what each kernel is made of.
#include <algorithm>
#include <catch2/catch.hpp>

#include "models/kernel.hpp"

namespace wbsim {
namespace {

TEST_CASE("kernels are found by release and by policy", "[machine]") {
  for (const KernelRow& row : kernels()) {
    CHECK(find_kernel(row.name) == &row);
    if (!row.alias.empty())
      CHECK(find_kernel(row.alias) == &row);
  }
  CHECK(find_kernel("pdflush")->name == "2.6.31");
  CHECK(find_kernel("bdi")->name == "2.6.32");
  CHECK(find_kernel("2.6.33") == nullptr);
  CHECK(find_kernel("") == nullptr);
}

TEST_CASE("no name is used twice", "[machine]") {
  std::vector<std::string_view> names = kernel_names();
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("every kernel is made of flushers and throttles that exist", "[machine]") {
  const auto has = [](const std::vector<std::string_view>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const KernelRow& row : kernels()) {
    CHECK(has(flusher_names(), row.flusher));
    CHECK(has(throttle_names(), row.throttle));
  }
}

// block-layer sections 1, 2 and 4.
TEST_CASE("the queue of each kernel", "[machine]") {
  struct Row {
    const char* kernel;
    int max_sectors;
    DeadlineRules deadline;
    bool cfq_async_waits, split_by_sync, task_plug;
  };
  for (const Row& row : {Row{"2.6.18", 1024, kDeadline2618, false, false, false},
                         Row{"2.6.24", 1024, kDeadline2624, false, false, false},
                         Row{"2.6.31", 1024, kDeadline2631, true, true, false},
                         Row{"2.6.32", 1024, kDeadline2631, true, true, false},
                         Row{"2.6.39", 1024, kDeadline310, true, true, true},
                         Row{"3.10", 1024, kDeadline310, true, true, true},
                         Row{"6.1", 2560, kDeadline61, true, true, true}}) {
    const QueueRules& rules = find_kernel(row.kernel)->queue;
    INFO(row.kernel);
    CHECK(with_defaults({}, rules, 32).max_sectors == Sectors(row.max_sectors));
    CHECK(with_defaults({}, rules, 32).max_segments == 128);
    CHECK(rules.deadline == row.deadline);
    CHECK(rules.cfq.async_waits_for_sync == row.cfq_async_waits);
    CHECK(rules.split_by_sync == row.split_by_sync);
    CHECK(rules.plug.per_task == row.task_plug);
  }
}

// gen-2.4-bdflush section 9, block-layer sections 1 and 6.
TEST_CASE("the rules of 2.4", "[machine]") {
  for (const char* name : {"2.4.0", "2.4.17"}) {
    const KernelRow& row = *find_kernel(name);
    const bool early = row.buffer_cache == v24::Release::k240;
    CHECK(early == (row.name == "2.4.0"));
    CHECK(row.fs.fsync_flush == FsyncFlush::kNone);
    QueueParams params;
    params.write_cache = true;
    params.max_sectors = Sectors(2560);
    params.memory = Bytes(std::int64_t{33} << 20);
    const QueueParams large = with_defaults(params, row.queue, 1);
    CHECK(large.nr_requests == (early ? 128 : 64));  // of each direction
    CHECK(large.max_sectors == Sectors(255));
    CHECK(large.max_segments == 128);
    CHECK_FALSE(large.write_cache);  // nothing flushes it
    params.memory = Bytes(std::int64_t{32} << 20);
    CHECK(with_defaults(params, row.queue, 1).nr_requests == (early ? 128 : 32));
  }
}

// gen-2.6-pdflush section 1, gen-2.6.32-bdi section 1.
TEST_CASE("the rules of 2.6.24", "[machine]") {
  const KernelRow& row = *find_kernel("2.6.24");
  CHECK(row.flusher == "pdflush");
  CHECK(row.throttle == "congestion_wait");
  CHECK(row.dirty_background_ratio == 5);
  CHECK(row.dirty_ratio == 10);
  CHECK(row.writeback.limits == LimitsRule::k2624);
  CHECK(row.writeback.single_inode == SingleInodeRule::k2624);
  CHECK(row.writeback.writer_writes == WriterWritesRule::kAnyReclaimable);
  CHECK_FALSE(row.writeback.reports_more_io);
  CHECK_FALSE(row.pdflush.creation_restarts_clock);
  CHECK(row.fs.page_scan == PageScanRule::k2624);
  CHECK_FALSE(row.queue.split_by_sync);
}

TEST_CASE("the rules of 2.6.31", "[machine]") {
  const KernelRow& row = *find_kernel("2.6.31");
  CHECK(row.flusher == "pdflush");
  CHECK(row.throttle == "congestion_wait");
  CHECK(row.dirty_background_ratio == 10);
  CHECK(row.dirty_ratio == 20);
  CHECK(row.writeback.limits == LimitsRule::k2631);
  CHECK(row.writeback.single_inode == SingleInodeRule::k2631);
  CHECK(row.writeback.writer_writes == WriterWritesRule::kReclaimableOver);
  CHECK(row.writeback.reports_more_io);
  CHECK(row.pdflush.creation_restarts_clock);
  CHECK(row.fs.page_scan == PageScanRule::k2631);
  CHECK(row.queue.split_by_sync);
}

TEST_CASE("2.6.32 differs from 2.6.31 in its flusher, throttle and inode rule", "[machine]") {
  const KernelRow& row = *find_kernel("2.6.32");
  const KernelRow& before = *find_kernel("2.6.31");
  CHECK(row.flusher == "bdi");
  CHECK(row.throttle == "pause");
  CHECK(row.writeback.single_inode == SingleInodeRule::k2632);
  CHECK(row.dirty_background_ratio == before.dirty_background_ratio);
  CHECK(row.dirty_ratio == before.dirty_ratio);
  CHECK(row.writeback.limits == before.writeback.limits);
  CHECK(row.writeback.writer_writes == before.writeback.writer_writes);
  CHECK(row.fs.page_scan == before.fs.page_scan);
  CHECK(row.queue.split_by_sync == before.queue.split_by_sync);
}

// gen-3.x-ioless, gen-6.x.
TEST_CASE("3.10 and 6.1 throttle without writing", "[machine]") {
  for (const std::string_view name : {"3.10", "6.1"}) {
    const KernelRow& row = *find_kernel(name);
    CHECK(row.flusher == "bdi_wq");
    CHECK(row.throttle == "ioless");
    CHECK(row.writeback.single_inode == SingleInodeRule::k310);
    CHECK(row.writeback.fsync_waits == FsyncWaits::kOnlyBeforeInode);
    CHECK(row.dirty_background_ratio == 10);
    CHECK(row.dirty_ratio == 20);
  }
}

TEST_CASE("what 6.1 has that 3.10 has not", "[machine]") {
  const WritebackRules& old = find_kernel("3.10")->writeback;
  const WritebackRules& now = find_kernel("6.1")->writeback;
  CHECK((old.limits == LimitsRule::k310 && now.limits == LimitsRule::k61));
  CHECK((old.rates == RateRule::k310 && now.rates == RateRule::k61));
  CHECK((old.timers == TimerRule::kSlack && now.timers == TimerRule::kWheel));
  CHECK((old.background_start == BackgroundStart::kLast &&
         now.background_start == BackgroundStart::kFirst));
  CHECK((old.bandwidth == BandwidthUpdate::kAfterRound &&
         now.bandwidth == BandwidthUpdate::kInWritepages));
  CHECK((old.wakeup == FlusherWakeup::kWork && now.wakeup == FlusherWakeup::kStartAll));
  CHECK((old.sync_waits_for_data && !now.sync_waits_for_data));
  CHECK((old.skipped_is_progress && !now.skipped_is_progress));
  CHECK(find_kernel("3.10")->fs.page_scan == PageScanRule::k310);
  CHECK(find_kernel("6.1")->fs.page_scan == PageScanRule::k61);
}

}  // namespace
}  // namespace wbsim
