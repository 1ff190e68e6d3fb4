// A machine of 2.4 to be taken apart: blocks of its first disk by number, and calls that sleep run
// to their end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/fs/block_rw24.hpp"
#include "tests/support/machine_fixture.hpp"

namespace wbsim {

class Machine24 : public MachineFixture {
 public:
  explicit Machine24(std::string kernel, Scenario scenario = hz100())
      : MachineFixture(of(std::move(scenario), std::move(kernel))), b(kernel24->buffers) {
    throttle = std::make_unique<BalanceDirty>(context, b);
    vfs.throttle = throttle.get();
    vfs.dirty_listener = &listener;
  }
  static Scenario hz100() {
    Scenario s = plain_scenario("2.4.0");
    s.kernel.hz = 100;
    return s;
  }

  // The daemons have looked round once, and sleep.
  void start() {
    start_flusher();
    run_until(std::chrono::milliseconds(1));
  }
  v24::BlockDevice& dev() { return b.device(raw(0)); }
  // A block of the raw device, uptodate and clean, without a reference.
  v24::BufferHead& block(std::int64_t number) {
    v24::BufferHead& bh = v24::preload_block(b, dev(), number, 4096);
    bh.set(v24::BH_Uptodate);
    return bh;
  }
  v24::BufferHead& dirty_block(std::int64_t number) {
    v24::BufferHead& bh = block(number);
    b.cache.mark_dirty(bh, b.flushtime());
    return bh;
  }
  void dirty_blocks(int count) {
    for (int i = 0; i < count; ++i)
      dirty_block(1000 + i);
  }
  void mark_dirty(v24::BufferHead& bh, std::int64_t flushtime) {
    b.cache.mark_dirty(bh, Jiffies(flushtime));
  }
  std::int64_t dirty_buffers() const { return b.cache.nr_buffers_type(v24::BUF_DIRTY); }

  // Runs it, and the disks, until nothing happens any more.
  template <class T>
  T await(Task<T> body) {
    std::optional<T> result;
    sim.spawn("test", keep(std::move(body), result));
    settle();
    return result.value();
  }
  void await(Task<> body) {
    sim.spawn("test", std::move(body));
    settle();
  }
  template <class T>
  void spawn(Task<T> body, std::optional<T>& result) {
    sim.spawn("test", keep(std::move(body), result), ProcessKind::kDaemon);
    run_until(sim.now().time_since_epoch());
  }
  void settle() { run_until(sim.now().time_since_epoch() + std::chrono::seconds(1)); }

  v24::Buffers& b;
  TaskStruct task{"task"};

 private:
  struct Listener : DirtyListener {
    explicit Listener(SyncInodes& i) : inodes(i) {}
    void inode_dirtied(Inode& inode) override { inodes.add(inode); }
    SyncInodes& inodes;
  };
  static Scenario of(Scenario scenario, std::string kernel) {
    scenario.kernel.preset = std::move(kernel);
    return scenario;
  }
  template <class T>
  static Task<> keep(Task<T> body, std::optional<T>& result) {
    result = co_await body;
  }
  Listener listener{kernel24->inodes};
};

}  // namespace wbsim
