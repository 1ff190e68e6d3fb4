// One request queue on one disk, without anything above it: bios are handed in directly, their
// completions and the requests that were served are written down.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "models/block/request_queue.hpp"
#include "models/device/device.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

struct RequestLog : TraceSink {
  std::vector<RequestRecord> requests;
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& record) override { requests.push_back(record); }
};

struct BlockSetup {
  int hz = 1000;
  QueueParams queue;
  QueueRules rules;
  DeviceConfig device;
  SimOptions sim;

  BlockSetup() {  // 100 us overhead and 100 MB/s: a 4 KiB request takes 140.96 us
    device.fixed.overhead = std::chrono::microseconds(100);
    device.fixed.bandwidth_bytes_per_s = 100'000'000;
  }
};

class BlockFixture {
 public:
  explicit BlockFixture(const BlockSetup& setup = {})
      : sim(setup.sim),
        disk(make_device(setup.device)),
        queue_owner(make_request_queue(sim, TickClock(setup.hz), *disk, setup.queue, setup.rules,
                                       block_layer, log)),
        queue(*queue_owner) {
    task.thread = "task";
  }
  ~BlockFixture() { sim.destroy_processes(); }

  Bio& make_bio(std::int64_t sector, std::int64_t sectors = 8, BioOp op = BioOp::kWrite) {
    Bio& bio = bios.emplace_back();
    bio.sector = Sectors(sector);
    bio.length = Sectors(sectors);
    bio.segments = static_cast<std::uint16_t>((sectors + 7) / 8);
    bio.op = op;
    bio.bi_private = this;
    bio.cookie = bios.size() - 1;
    bio.bi_end_io = [](Bio& done, bool ok) {
      auto& self = *static_cast<BlockFixture*>(done.bi_private);
      WB_ASSERT(ok);
      self.ended.push_back(done.cookie);
    };
    return bio;
  }
  RequestQueue::Submit submit(std::int64_t sector, std::int64_t sectors = 8,
                              BioOp op = BioOp::kWrite) {
    return queue.try_submit(make_bio(sector, sectors, op), task);
  }
  // A process that submits this when it starts, and waits for a slot if it must.
  void spawn_writer(std::string name, Bio& bio, IoContext& ioc) {
    sim.spawn(std::move(name), write(queue, bio, ioc));
  }
  void at(Duration time, std::int64_t sector) {
    sim.spawn("submitter", submit_later(*this, time, sector));
  }
  void run() { sim.run_until(TimePoint(std::chrono::hours(1))); }
  void run_until(Duration time) { sim.run_until(TimePoint(time)); }

  static Task<> write(RequestQueue& queue, Bio& bio, IoContext& ioc) {
    if (queue.try_submit(bio, ioc) == RequestQueue::Submit::kNoRequest)
      co_await queue.submit_slow(bio, ioc);
  }

  Simulator sim;
  std::unique_ptr<Device> disk;
  BlockLayer block_layer;
  RequestLog log;
  std::unique_ptr<RequestQueue> queue_owner;
  RequestQueue& queue;
  IoContext task;
  std::deque<Bio> bios;
  std::vector<std::uint64_t> ended;  // cookies, in the order of completion

 private:
  static Task<> submit_later(BlockFixture& self, Duration time, std::int64_t sector) {
    co_await self.sim.delay(time);
    self.submit(sector);
  }
};

}  // namespace wbsim
