#include <boost/random/uniform_int_distribution.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "sim/random.hpp"
#include "sim/simulator.hpp"

namespace wbsim {
namespace {

TEST_CASE("a random stream depends on seed and name only", "[sim]") {
  RandomStream a(1, "sda");
  RandomStream b(1, "sda");
  for (int i = 0; i < 100; ++i)
    REQUIRE(a() == b());
}

TEST_CASE("random streams are the same for ever", "[sim]") {
  RandomStream sda(1, "sda");
  CHECK(sda() == 0x58d2f55783fd8fe9);
  CHECK(sda() == 0x6c3e5662e29161e6);
  CHECK(RandomStream(1, "sdb")() == 0x98573efdd9b30844);
  CHECK(RandomStream(2, "sda")() == 0x64c3dad955fdea04);
  CHECK(RandomStream(0, "")() == 0xd7293fe83b1a2bc);

  RandomStream dice(1, "dice");
  const boost::random::uniform_int_distribution<int> faces(1, 6);
  std::string throws;
  for (int i = 0; i < 20; ++i)
    throws += static_cast<char>('0' + faces(dice));
  CHECK(throws == "22514562656646362235");
}

TEST_CASE("neighbouring names and seeds give unrelated streams", "[sim]") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (int disk = 0; disk < 10; ++disk) {
      RandomStream stream(seed, "disk" + std::to_string(disk));
      for (int i = 0; i < 100; ++i)
        seen.insert(stream());
    }
  CHECK(seen.size() == 10'000);
}

TEST_CASE("a simulator's streams do not depend on which others are used", "[sim]") {
  SimOptions options;
  options.seed = 7;
  const Simulator sim(options);
  RandomStream other = sim.stream("other");
  other();
  CHECK(sim.stream("sda")() == RandomStream(7, "sda")());
}

}  // namespace
}  // namespace wbsim
