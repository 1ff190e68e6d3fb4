// Which blocks a job writes.
#include <catch2/catch.hpp>
#include <vector>

#include "models/workload/positions.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kKiB = 1024, kGiB = std::int64_t{1} << 30;

std::vector<std::int64_t> first(Positions positions, int count) {
  std::vector<std::int64_t> found;
  for (int i = 0; i < count; ++i)
    found.push_back(positions.next());
  return found;
}

JobConfig random_writer() {
  JobConfig job;
  job.rw = JobKind::kRandWrite;
  job.bs = Bytes(4 * kKiB);
  job.random_generator = RandomGenerator::kXorshift64Star;
  return job;
}

Positions positions_in(const JobConfig& job, std::int64_t start, std::int64_t end) {
  return Positions(job, start, end, RandomStream(1, "job"));
}

// Offsets 0, 8 and 16 of the 65536 random 4 KiB writes over 1 GiB that a program on Linux 6.1
// made and logged.
TEST_CASE("xorshift64star gives the blocks of a recorded job", "[workload]") {
  const auto offsets = first(positions_in(random_writer(), 0, kGiB), 17);
  CHECK(offsets[0] == 320401408);
  CHECK(offsets[8] == 213700608);
  CHECK(offsets[16] == 592097280);
}

TEST_CASE("each seed gives blocks of its own", "[workload]") {
  JobConfig job = random_writer();
  job.randseed = 3;
  CHECK(first(positions_in(job, 0, 1000 * 4 * kKiB), 5) ==
        std::vector<std::int64_t>{670 * 4096, 281 * 4096, 409 * 4096, 762 * 4096, 54 * 4096});
}

TEST_CASE("blockalign spaces random offsets from the start of the region on", "[workload]") {
  JobConfig job = random_writer();
  job.bs = Bytes(kKiB);
  job.blockalign = Bytes(4 * kKiB);
  JobConfig whole = random_writer();
  // The second KiB of each of 1000 blocks: the same blocks as without blockalign.
  const auto parts = first(positions_in(job, kKiB, 1000 * 4 * kKiB), 100);
  const auto blocks = first(positions_in(whole, 0, 1000 * 4 * kKiB), 100);
  for (std::size_t i = 0; i < parts.size(); ++i)
    CHECK(parts[i] == blocks[i] + kKiB);
}

TEST_CASE("a sequence starts again when its region is used up", "[workload]") {
  JobConfig job;
  job.bs = Bytes(8);
  CHECK(first(positions_in(job, 100, 130), 5) ==
        std::vector<std::int64_t>{100, 108, 116, 100, 108});
}

}  // namespace
}  // namespace wbsim
