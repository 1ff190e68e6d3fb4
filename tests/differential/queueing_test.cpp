// Devices against the formulas of queueing theory: Poisson arrivals, long runs, fixed seeds.
#include <boost/random/exponential_distribution.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/device_harness.hpp"

namespace wbsim {
namespace {

constexpr Bytes kLarge{std::int64_t{1} << 44};
constexpr int kDeep = 1'000'000;

DeviceConfig one_server(std::int64_t bandwidth) {
  DeviceConfig config;
  config.capacity = kLarge;
  config.driver_depth = kDeep;
  config.fixed.overhead = Duration(0);
  config.fixed.bandwidth_bytes_per_s = bandwidth;
  return config;
}

// Units that take bytes / rate each, and nothing else that takes time.
DeviceConfig servers(int count, std::int64_t bandwidth) {
  DeviceConfig config;
  config.model = "ssd";
  config.capacity = kLarge;
  config.driver_depth = kDeep;
  FlashConfig& flash = config.flash;
  flash = {};
  flash.units = count;
  flash.stripe = Bytes(std::int64_t{1} << 40);
  flash.placement = FlashPlacement::kAny;
  flash.read_time = flash.program_time = Duration(0);
  flash.unit_bytes_per_s = bandwidth;
  flash.link_bytes_per_s = 0;
  flash.read_command_time = flash.write_command_time = flash.command_latency = Duration(0);
  flash.write_buffer = Bytes(0);
  return config;
}

// Exponentially distributed lengths, of so many sectors on average.
class ExponentialLengths {
 public:
  explicit ExponentialLengths(double mean) : mean_(mean) {}
  DeviceHarness::Shape operator()() {
    boost::random::exponential_distribution<double> unit(1.0);
    return {Sectors(0), Sectors(1 + static_cast<std::int64_t>(unit(random_) * mean_))};
  }
  // Of the whole sectors that come out.
  double mean() const { return 1 / (1 - std::exp(-1 / mean_)); }

 private:
  RandomStream random_{11, "lengths"};
  double mean_;
};

double us(Duration d) {
  return static_cast<double>(d.count()) * 1e-3;
}

double erlang_c(int servers, double offered) {
  double term = 1, sum = 1;
  for (int k = 1; k < servers; ++k) {
    term *= offered / k;
    sum += term;
  }
  term *= offered / servers / (1 - offered / servers);
  return term / (sum + term);
}

TEST_CASE("M/D/1: mean response of one server with a constant service time", "[device]") {
  for (const double load : {0.3, 0.7}) {
    DeviceHarness harness(make_device(one_server(100'000'000)));
    const double service = 4096 / 100.0;  // us
    const Duration gap(std::llround(service * 1e3 / load));
    const Duration mean = harness.open(gap, 1'500'000, [] {
      return DeviceHarness::Shape{Sectors(0), Sectors(8)};
    });
    CHECK(us(mean) == Approx(service * (1 + load / (2 * (1 - load)))).epsilon(0.01));
    CHECK(harness.device->busy(harness.sim.now()).count() == 1'500'000 * 40'960LL);
  }
}

TEST_CASE("M/M/1: mean response of one server with exponential service times", "[device]") {
  DeviceHarness harness(make_device(one_server(512'000'000)));  // 1 us a sector
  ExponentialLengths lengths(1000);
  const double service = lengths.mean();
  const Duration mean =
      harness.open(Duration(std::llround(service * 2e3)), 2'500'000, std::ref(lengths));
  CHECK(us(mean) == Approx(2 * service).epsilon(0.01));
}

TEST_CASE("M/M/c: mean response of the units of a flash drive", "[device]") {
  for (const int c : {2, 8}) {
    DeviceHarness harness(make_device(servers(c, 512'000'000)));
    ExponentialLengths lengths(1000);
    const double service = lengths.mean(), load = 0.7;
    const Duration gap(std::llround(service * 1e3 / (load * c)));
    const Duration mean = harness.open(gap, 2'500'000, std::ref(lengths));
    const double wait = erlang_c(c, load * c) * service / (c * (1 - load));
    CHECK(us(mean) == Approx(service + wait).epsilon(0.01));
  }
}

// Served one after the other, a closed loop has Little's law in its plainest form.
TEST_CASE("a closed loop of n commands takes n times as long as one", "[device]") {
  for (const int depth : {1, 4, 32}) {
    DeviceHarness harness(make_device(one_server(100'000'000)));
    const double rate = harness.closed(depth, 100'000, [] {
      return DeviceHarness::Shape{Sectors(0), Sectors(8)};
    });
    CHECK(rate == Approx(1e6 / 40.96).epsilon(0.001));
  }
}

}  // namespace
}  // namespace wbsim
