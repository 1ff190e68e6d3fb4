// Bitmaps, indirect blocks and inodes: in the buffer cache of 2.4, in the device's pages of 2.6.
#include <catch2/catch.hpp>
#include <optional>

#include "models/fs/buffer24.hpp"
#include "tests/support/buffer24_text.hpp"
#include "tests/support/machine_fixture.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kSuper = 0, kDescriptors = 1, kBitmap = 2, kInodeTable = 5;
constexpr std::int64_t kFirstData = 64;
constexpr std::int64_t kPointers = 1024;  // of an indirect block
constexpr std::int64_t kDouble = 12 + kPointers, kTriple = kDouble + kPointers * kPointers;

// A file system that writes its metadata, with an empty file.
struct Fixture : MachineFixture {
  explicit Fixture(const char* kernel) : MachineFixture(scenario(kernel)) { start_flusher(); }
  static Scenario scenario(const char* kernel) {
    Scenario s = plain_scenario(kernel);
    s.filesystems[0].metadata = MetadataMode::kWritten;
    s.filesystems[0].files[0].size = Bytes(0);
    return s;
  }
  Errno await(Task<Errno> body) {
    std::optional<Errno> result;
    sim.spawn("test", keep(std::move(body), result));
    run_until(sim.now().time_since_epoch() + std::chrono::milliseconds(500));
    return result.value();
  }
  Errno write(std::int64_t block, std::int64_t blocks) {
    return await(context.files->write(file(0), block * 4096, blocks * 4096, task));
  }
  Errno fsync(SyncWhat what = SyncWhat::kFsync) {
    File opened{.f_inode = &file(0)};
    return await(context.files->fsync(opened, what, task));
  }
  bool block_written(std::int64_t block) const {
    return was_written(Sectors(block * 8), Sectors(8));
  }
  bool dirty(std::int64_t block) {
    if (!kernel24) {
      const BufferHead* bh = find_uptodate_block(vfs, raw(0), block);
      return bh && bh->test(BH_Dirty);
    }
    v24::Buffers& b = kernel24->buffers;
    v24::BufferHead* bh = b.cache.get_hash_table(b.device(raw(0)), block);
    if (bh)
      b.cache.brelse(*bh);
    return bh && bh->test(v24::BH_Dirty);
  }
  // Of the device's first blocks those that are dirty metadata: "1 2 64".
  std::string dirty_metadata() {
    std::string text;
    for (std::int64_t block = 0; block < 2 * kFirstData; ++block)
      if (dirty(block))
        text += (text.empty() ? "" : " ") + std::to_string(block);
    return text;
  }
  void idle(int seconds) {
    run_until(sim.now().time_since_epoch() + std::chrono::seconds(seconds));
  }

  TaskStruct task{"task"};

 private:
  static Task<> keep(Task<Errno> body, std::optional<Errno>& result) { result = co_await body; }
};

const auto kKernels = {"2.4.0", "2.4.17", "2.6.24", "2.6.31", "2.6.32", "2.6.39", "3.10", "6.1"};

TEST_CASE("a block that is allocated dirties the bitmap and the descriptor of its group", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 1) == Errno::kOk);
    REQUIRE(f.log.requests.size() == 1);  // the bitmap had to be read, the descriptor is held
    CHECK(f.log.requests[0].sector == Sectors(kBitmap * 8));
    CHECK(f.dirty_metadata() == "1 2");
    CHECK(f.context.counters().nr_file_dirty == Pages(3));
    REQUIRE(f.write(1, 5) == Errno::kOk);
    CHECK(f.log.requests.size() == 1);
    CHECK(f.context.counters().nr_file_dirty == Pages(8));
  }
}

TEST_CASE("a block that a file has already dirties no metadata but its inode", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 1) == Errno::kOk);
    REQUIRE(f.await(f.flusher->sync(f.task)) == Errno::kOk);
    CHECK(f.dirty_metadata().empty());
    REQUIRE(f.write(0, 1) == Errno::kOk);
    CHECK(f.dirty_metadata().empty());
  }
}

TEST_CASE("the thirteenth block of a file brings its indirect block, in front of it", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 14) == Errno::kOk);
    CHECK(f.on_disk(f.file(0), 11) == Sectors((kFirstData + 11) * 8));
    CHECK(f.on_disk(f.file(0), 12) == Sectors((kFirstData + 13) * 8));
    CHECK(f.dirty_metadata() == "1 2 76");
    CHECK(f.context.counters().nr_file_dirty == Pages(14 + 3));
  }
}

TEST_CASE("behind the first indirect block a doubly indirect one points to the next", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(kDouble, 1) == Errno::kOk);
    CHECK(f.dirty_metadata() == "1 2 64 65");  // doubly indirect, indirect
    CHECK(f.on_disk(f.file(0), kDouble) == Sectors(66 * 8));
    REQUIRE(f.fsync() == Errno::kOk);
    CHECK(f.dirty_metadata() == "1 2");

    REQUIRE(f.write(kDouble + 1, 1) == Errno::kOk);
    CHECK(f.dirty_metadata() == "1 2 65");  // the pointer to a data block
    REQUIRE(f.fsync() == Errno::kOk);
    REQUIRE(f.write(kDouble + kPointers, 1) == Errno::kOk);
    CHECK(f.dirty_metadata() == "1 2 64 68");  // the pointer to an indirect block, and that
    REQUIRE(f.fsync() == Errno::kOk);
    REQUIRE(f.write(12, 1) == Errno::kOk);  // in front of all that
    CHECK(f.dirty_metadata() == "1 2 70");
  }
}

TEST_CASE("a file of more than 4 GiB has a triply indirect block", "[fs]") {
  for (const char* kernel : {"2.4.17", "6.1"}) {
    Fixture f(kernel);
    REQUIRE(f.write(kTriple, 1) == Errno::kOk);
    CHECK(f.dirty_metadata() == "1 2 64 65 66");
    CHECK(f.on_disk(f.file(0), static_cast<PageIndex>(kTriple)) == Sectors(67 * 8));
  }
}

TEST_CASE("fsync writes the data, the indirect blocks and the inode, but not the group's blocks",
          "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 14) == Errno::kOk);
    REQUIRE(f.write(kDouble, 1) == Errno::kOk);
    REQUIRE(f.fsync() == Errno::kOk);
    CHECK(f.block_written(kFirstData));
    CHECK(f.block_written(kFirstData + 12));  // indirect
    CHECK(f.block_written(kFirstData + 15));  // doubly indirect
    CHECK(f.block_written(kInodeTable));
    CHECK(f.dirty_metadata() == "1 2");
    CHECK_FALSE(f.block_written(kBitmap));
    CHECK_FALSE(f.block_written(kDescriptors));
    CHECK((f.file(0).i_state & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) == 0);
  }
}

TEST_CASE("fsync of 2.4.17 awaits the indirect blocks, then writes the data, then the inode",
          "[fs]") {
  Fixture f("2.4.17");
  REQUIRE(f.write(12, 1) == Errno::kOk);
  f.log.requests.clear();
  REQUIRE(f.fsync() == Errno::kOk);
  std::vector<std::int64_t> order;
  for (const RequestRecord& rq : f.log.requests)
    order.push_back(rq.sector.count() / 8);
  CHECK(order == std::vector<std::int64_t>{kFirstData, kFirstData + 1, kInodeTable});
}

TEST_CASE("fdatasync writes the inode when a hole was filled, whatever the size", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(3, 1) == Errno::kOk);
    REQUIRE(f.fsync() == Errno::kOk);
    f.log.requests.clear();
    REQUIRE(f.write(3, 1) == Errno::kOk);
    REQUIRE(f.fsync(SyncWhat::kFdatasync) == Errno::kOk);
    CHECK_FALSE(f.block_written(kInodeTable));
    REQUIRE(f.write(1, 1) == Errno::kOk);
    REQUIRE(f.fsync(SyncWhat::kFdatasync) == Errno::kOk);
    CHECK(f.block_written(kInodeTable));
  }
}

// wb_kupdate(), kupdate and the thread sync_supers have gone by 3.10.
TEST_CASE("the periodic pass dirties the super block, later kernels leave it to sync(2)", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 1) == Errno::kOk);
    CHECK_FALSE(f.dirty(kSuper));
    f.idle(6);
    const bool has_wb = std::string(kernel) == "3.10" || std::string(kernel) == "6.1";
    CHECK(f.dirty(kSuper) == !has_wb);
    CHECK(f.await(f.flusher->sync(f.task)) == Errno::kOk);
    CHECK_FALSE(f.dirty(kSuper));
    CHECK(f.block_written(kSuper));
    CHECK(f.block_written(kDescriptors));
    CHECK(f.block_written(kBitmap));

    f.log.requests.clear();
    REQUIRE(f.write(0, 1) == Errno::kOk);  // allocates nothing
    CHECK(f.await(f.flusher->sync(f.task)) == Errno::kOk);
    CHECK_FALSE(f.block_written(kSuper));
  }
}

TEST_CASE("an inode lists its metadata newest first in 2.4, oldest first in 2.6", "[fs]") {
  Fixture old("2.4.17");
  REQUIRE(old.write(12, 1) == Errno::kOk);
  REQUIRE(old.write(kDouble, 1) == Errno::kOk);
  CHECK(v24::blocks(old.kernel24->buffers.lists_of(old.file(0)).i_dirty_buffers.list) ==
        "67 66 64");
  REQUIRE(old.write(13, 1) == Errno::kOk);  // 64 again: to the head
  CHECK(v24::blocks(old.kernel24->buffers.lists_of(old.file(0)).i_dirty_buffers.list) ==
        "64 67 66");

  for (const char* kernel : {"2.6.24", "2.6.31", "2.6.32", "6.1"}) {
    Fixture f(kernel);
    REQUIRE(f.write(12, 1) == Errno::kOk);
    REQUIRE(f.write(kDouble, 1) == Errno::kOk);
    REQUIRE(f.write(13, 1) == Errno::kOk);  // stays where it is
    const AddressSpace& owner = f.file(0).i_data;
    CHECK(f.vfs.buffers[owner.private_list.all().front()].b_blocknr() == kFirstData);
    CHECK(f.vfs.buffers[owner.private_list.all().back()].b_blocknr() == kFirstData + 3);
  }
}

TEST_CASE("a file that was there has its indirect blocks on the disk, and no group's header",
          "[fs]") {
  constexpr std::int64_t kGroup = 8 * 4096;  // 128 MiB
  Scenario s = Fixture::scenario("2.6.31");
  s.filesystems[0].files[0].size = Bytes(std::int64_t{300} << 20);
  MachineFixture big(s);
  const auto at = [&big](std::int64_t block) {
    BufferHead bh{};
    std::int64_t missing = -1;
    Inode& file = big.file(0);
    while (file.i_sb->get_block(file, block, bh, false, missing) == GetBlock::kNeedsMetadata)
      make_uptodate_block(big.vfs, big.raw(0), missing);
    REQUIRE(bh.test(BH_Mapped));
    return bh.b_blocknr();
  };
  CHECK(at(11) == kFirstData + 11);
  CHECK(at(12) == kFirstData + 13);
  CHECK(at(kDouble - 1) == kFirstData + kDouble);
  CHECK(at(kDouble) == kFirstData + kDouble + 3);
  // In the first group one indirect block, one doubly indirect, and one for each 1024 behind.
  std::int64_t block = kGroup - kFirstData - 2 - 31;
  CHECK(at(block - 1) < kGroup);
  while (at(block) < kGroup)
    ++block;
  CHECK(at(block - 1) == kGroup - 1);
  CHECK(at(block) == kGroup + kFirstData);
}

TEST_CASE("with blocks of 1 KiB the super block is the second, and descriptors fill blocks of 32",
          "[fs]") {
  Scenario s = Fixture::scenario("2.6.31");
  s.filesystems[0].block_size = 1024;  // 1 GiB: 128 groups, 4 blocks of descriptors
  MachineFixture f(s);
  TaskStruct task("task");
  f.start_flusher();
  const auto write = [](MachineFixture& m, TaskStruct& by) -> Task<> {
    REQUIRE(co_await m.context.files->write(m.file(0), 0, 1024, by) == Errno::kOk);
    m.context.sync_supers();
  };
  f.sim.spawn("test", write(f, task));
  f.run_until(std::chrono::milliseconds(500));
  std::string dirty;
  for (std::int64_t block = 0; block < 100; ++block)
    if (const BufferHead* bh = find_uptodate_block(f.vfs, f.raw(0), block);
        bh && bh->test(BH_Dirty))
      dirty += " " + std::to_string(block);
  CHECK(dirty == " 1 2 6");  // super block, descriptors 2 to 5, bitmap
  CHECK(f.on_disk(f.file(0), 0) == Sectors(68 * 2));
}

}  // namespace
}  // namespace wbsim
