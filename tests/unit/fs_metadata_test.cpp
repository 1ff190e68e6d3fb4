// Bitmaps, indirect blocks and inodes: in the buffer cache of 2.4, in the device's pages of 2.6.
#include <catch2/catch.hpp>
#include <optional>

#include "models/fs/buffer24.hpp"
#include "tests/support/buffer24_text.hpp"
#include "tests/support/machine_fixture.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kBitmap = 2;
constexpr std::int64_t kFirstData = 64;

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
  Errno fsync() {
    File opened{.f_inode = &file(0)};
    return await(context.files->fsync(opened, SyncWhat::kFsync, task));
  }
  bool block_written(std::int64_t block) const {
    return was_written(Sectors(block * 8), Sectors(8));
  }

  TaskStruct task{"task"};

 private:
  static Task<> keep(Task<Errno> body, std::optional<Errno>& result) { result = co_await body; }
};

const auto kKernels = {"2.4.0", "2.4.17", "2.6.24", "2.6.31", "2.6.32"};

TEST_CASE("a block that is allocated dirties the bitmap of its group", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 1) == Errno::kOk);
    REQUIRE(f.log.requests.size() == 1);  // the bitmap had to be read
    CHECK(f.log.requests[0].sector == Sectors(kBitmap * 8));
    CHECK(f.context.counters().nr_file_dirty == Pages(2));
    REQUIRE(f.write(1, 5) == Errno::kOk);
    CHECK(f.log.requests.size() == 1);
    CHECK(f.context.counters().nr_file_dirty == Pages(7));
  }
}

TEST_CASE("the thirteenth block of a file brings its indirect block, in front of it", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 14) == Errno::kOk);
    CHECK(f.on_disk(f.file(0), 11) == Sectors((kFirstData + 11) * 8));
    CHECK(f.on_disk(f.file(0), 12) == Sectors((kFirstData + 13) * 8));
    CHECK(f.context.counters().nr_file_dirty == Pages(14 + 2));
  }
}

TEST_CASE("fsync writes the data, the indirect block and the inode, but no bitmap", "[fs]") {
  for (const char* kernel : kKernels) {
    Fixture f(kernel);
    REQUIRE(f.write(0, 14) == Errno::kOk);
    REQUIRE(f.fsync() == Errno::kOk);
    CHECK(f.block_written(kFirstData));
    CHECK(f.block_written(kFirstData + 12));  // indirect
    CHECK(f.block_written(5));                // inode table
    CHECK_FALSE(f.block_written(kBitmap));
    CHECK((f.file(0).i_state & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) == 0);
  }
}

TEST_CASE("an inode lists its metadata newest first in 2.4, oldest first in 2.6", "[fs]") {
  constexpr std::int64_t kSecond = 12 + 1024;
  Fixture old("2.4.17");
  REQUIRE(old.write(12, 1) == Errno::kOk);
  REQUIRE(old.write(kSecond, 1) == Errno::kOk);
  CHECK(v24::blocks(old.kernel24->buffers.lists_of(old.file(0)).i_dirty_buffers.list) == "66 64");

  Fixture f("2.6.31");
  REQUIRE(f.write(12, 1) == Errno::kOk);
  REQUIRE(f.write(kSecond, 1) == Errno::kOk);
  const AddressSpace& owner = f.file(0).i_data;
  CHECK(f.vfs.buffers[owner.private_head].b_blocknr == kFirstData);
  CHECK(f.vfs.buffers[owner.private_tail].b_blocknr == kFirstData + 2);
}

TEST_CASE("no group's header is given to a file", "[fs]") {
  constexpr std::int64_t kGroup = 8 * 4096;  // 128 MiB
  Scenario s = Fixture::scenario("2.6.31");
  s.filesystems[0].files[0].size = Bytes(std::int64_t{300} << 20);
  MachineFixture big(s);
  const auto at = [&big](std::int64_t page) {
    return big.on_disk(big.file(0), static_cast<PageIndex>(page)).count() / 8;
  };
  const std::int64_t in_first = kGroup - kFirstData;
  CHECK(at(in_first - 1) == kGroup - 1);
  CHECK(at(in_first) == kGroup + kFirstData);
  CHECK(at(2 * in_first) == 2 * kGroup + kFirstData);
}

}  // namespace
}  // namespace wbsim
