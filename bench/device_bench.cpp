// The devices alone: what a random 4 KiB command costs the simulator, from submission to
// completion, with the queue kept full.
#include <benchmark/benchmark.h>

#include <utility>
#include <vector>

#include "models/device/device.hpp"
#include "sim/random.hpp"

namespace {

using namespace wbsim;

class FullQueue final : public DeviceHost {
 public:
  explicit FullQueue(const DeviceConfig& config)
      : device_(make_device(config)), commands_(static_cast<std::size_t>(device_->depth())) {
    device_->attach(sim_, *this);
    for (DeviceRequest& rq : commands_)
      send(rq);
  }
  void serve(std::int64_t count) {
    left_ = count;
    sim_.run_until(TimePoint::max());
  }

 private:
  void send(DeviceRequest& rq) {
    const auto blocks = static_cast<std::uint64_t>(device_->capacity().count() / 8);
    rq.sector = Sectors(static_cast<std::int64_t>(random_() % blocks) * 8);
    rq.sectors = Sectors(8);
    rq.op = random_() % 2 == 0 ? BioOp::kRead : BioOp::kWrite;
    device_->submit(rq);
  }
  void command_started(DeviceRequest&) override {}
  void command_completed(DeviceRequest& rq) override { done_ = &rq; }
  void device_ready() override {
    if (--left_ == 0)
      sim_.stop();
    if (done_)
      send(*std::exchange(done_, nullptr));
  }

  Simulator sim_;
  std::unique_ptr<Device> device_;
  std::vector<DeviceRequest> commands_;
  RandomStream random_{1, "places"};
  DeviceRequest* done_ = nullptr;
  std::int64_t left_ = 0;
};

void command(benchmark::State& state, const char* model, int depth, Bytes cache) {
  DeviceConfig config;
  config.model = model;
  config.capacity = Bytes(std::int64_t{1} << 38);
  if (config.model != "usb")
    config.driver_depth = depth;
  config.hdd.write_cache = cache;
  config.array.members.resize(4);
  FullQueue queue(config);
  for (auto _ : state)
    queue.serve(1000);
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK_CAPTURE(command, fixed, "fixed", 1, Bytes(0))->Name("wbsim/command@fixed");
BENCHMARK_CAPTURE(command, hdd, "hdd", 1, Bytes(0))->Name("wbsim/command@hdd");
BENCHMARK_CAPTURE(command, sptf, "hdd", 32, Bytes(0))->Name("wbsim/command@hdd-sptf32");
BENCHMARK_CAPTURE(command, cached, "hdd", 32, Bytes(32 << 20))->Name("wbsim/command@hdd-cache");
BENCHMARK_CAPTURE(command, ssd, "ssd", 32, Bytes(0))->Name("wbsim/command@ssd");
BENCHMARK_CAPTURE(command, nvme, "nvme", 1023, Bytes(0))->Name("wbsim/command@nvme");
BENCHMARK_CAPTURE(command, usb, "usb", 1, Bytes(0))->Name("wbsim/command@usb");
BENCHMARK_CAPTURE(command, raid0, "raid0", 64, Bytes(0))->Name("wbsim/command@raid0");

}  // namespace
