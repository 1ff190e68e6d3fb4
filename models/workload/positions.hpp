// Where the calls of a job go: in order, in zones, or at random within its region.
#pragma once

#include <cstdint>

#include "models/scenario.hpp"
#include "models/workload/permutation.hpp"
#include "sim/random.hpp"

namespace wbsim {

// xorshift64* with the start values of the recorded jobs' own program:
//   state = 88172645463325252 + 7919 * seed; the first draw is thrown away.
class Xorshift64Star {
 public:
  explicit Xorshift64Star(std::int64_t seed);
  std::uint64_t operator()();

 private:
  std::uint64_t state_;
};

class Positions {
 public:
  // In the region [start, end) of each file.
  Positions(const JobConfig& config, std::int64_t start, std::int64_t end, RandomStream random);

  std::int64_t next();  // offset of the next call in its file
  void rewind();        // a new file begins

  std::int64_t region() const { return end_ - start_; }

 private:
  std::int64_t random_block(std::int64_t blocks);

  bool random_;
  RandomGenerator generator_;
  std::int64_t bs_, align_, zonesize_, zoneskip_;
  std::int64_t start_, end_;
  std::int64_t position_;
  std::int64_t in_zone_ = 0;
  RandomStream stream_;
  Xorshift64Star xorshift_;
  Permutation permutation_;
};

}  // namespace wbsim
