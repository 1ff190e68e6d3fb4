#include "sim/random.hpp"

namespace wbsim {

namespace {
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  state_ = mix(hash ^ mix(seed + 0x9e3779b97f4a7c15));
}

RandomStream::result_type RandomStream::operator()() {
  return mix(state_ += 0x9e3779b97f4a7c15);
}

}  // namespace wbsim
