#include "models/workload/positions.hpp"

#include <boost/random/uniform_int_distribution.hpp>

namespace wbsim {

Xorshift64Star::Xorshift64Star(std::int64_t seed)
    : state_(88172645463325252U + 7919U * static_cast<std::uint64_t>(seed)) {
  (*this)();
}

std::uint64_t Xorshift64Star::operator()() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_ * 0x2545F4914F6CDD1DU;
}

Positions::Positions(const JobConfig& config, std::int64_t start, std::int64_t end,
                     RandomStream random)
    : random_(config.rw == JobKind::kRandRead || config.rw == JobKind::kRandWrite),
      generator_(config.random_generator),
      bs_(config.bs.count()),
      align_(config.blockalign.value_or(config.bs).count()),
      zonesize_(config.zonesize.count()),
      zoneskip_(config.zoneskip.count()),
      start_(start),
      end_(end),
      position_(start),
      stream_(random),
      xorshift_(config.randseed) {}

std::int64_t Positions::random_block(std::int64_t blocks) {
  if (generator_ == RandomGenerator::kXorshift64Star)
    return static_cast<std::int64_t>(xorshift_() % static_cast<std::uint64_t>(blocks));
  if (generator_ == RandomGenerator::kPermutation)
    return static_cast<std::int64_t>(
        permutation_.next(static_cast<std::uint64_t>(blocks), stream_));
  boost::random::uniform_int_distribution<std::int64_t> pick(0, blocks - 1);
  return pick(stream_);
}

std::int64_t Positions::next() {
  if (random_)
    return start_ + random_block((region() - bs_) / align_ + 1) * align_;
  if (position_ + bs_ > end_)
    rewind();
  const std::int64_t at = position_;
  position_ += bs_;
  in_zone_ += bs_;
  if (zonesize_ > 0 && in_zone_ >= zonesize_) {
    position_ += zoneskip_;
    in_zone_ = 0;
  }
  return at;
}

void Positions::rewind() {
  position_ = start_;
  in_zone_ = 0;
}

}  // namespace wbsim
