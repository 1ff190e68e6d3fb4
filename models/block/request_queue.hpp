// What the file side, write-back and the sampler see of a device's request queue. Each era of the
// block layer is an implementation; make_request_queue() picks the one of a kernel's rules.
#pragma once

#include <cstdint>
#include <memory>

#include "models/block/bio.hpp"
#include "models/block/block_layer.hpp"
#include "models/block/io_context.hpp"
#include "models/block/queue_settings.hpp"
#include "models/block/request.hpp"
#include "models/device/device.hpp"
#include "models/trace.hpp"
#include "sim/simulator.hpp"
#include "sim/task.hpp"

namespace wbsim {

// Why the plug of a task is flushed.
enum class PlugFlush : std::uint8_t {
  kFromSchedule,   // the task goes to sleep
  kOneQueue,       // it is full, or the task is done; all requests are of this queue
  kSeveralQueues,  // the same, but they are not
};

class IoListener {
 public:
  virtual ~IoListener() = default;
  // A read or write of this device is done.
  virtual void io_completed(int device) = 0;
};

class RequestQueue {
 public:
  explicit RequestQueue(const QueueParams& params) : params_(params) {}
  RequestQueue(const RequestQueue&) = delete;
  virtual ~RequestQueue() = default;

  // Hands over a bio as far as that does not sleep. It ends through its bi_end_io, never from
  // within this call. A request to write begins at its instant: after kOwes the task must pay for
  // what it has done so far, and try again. A read waits for nothing: what a reader owes is the
  // copying of pages, before which it has asked for the next. After kNoRequest the bio must go to
  // submit_slow().
  enum class Submit : std::uint8_t { kMerged, kQueued, kOwes, kNoRequest };
  virtual Submit try_submit(Bio& bio, IoContext& ioc) = 0;
  // As try_submit() of up to `bios` more bios of `length` each, right behind `tail`, which was
  // submitted last and grows by them, a segment each. Returns how many of them were merged that
  // way; the others, which may be all, must be submitted as usual.
  virtual int try_append(Bio& /*tail*/, Sectors /*length*/, int /*bios*/) { return 0; }
  // The rest: sleeps until the bio may have a request. It is not tried for merging again.
  virtual Task<> submit_slow(Bio& bio, IoContext& ioc) = 0;

  // Requests that come from the plug of a task; only of queues that put them there.
  virtual void flush_plug_list(QueueList& /*requests*/, PlugFlush /*why*/) {}

  // Called by whoever is about to wait for a transfer.
  void unplug() {
    if (plugged_)
      generic_unplug_device();
  }
  bool plugged() const { return plugged_; }

  // A task begins to pause in balance_dirty_pages() for this device: bdi_writeback.dirty_sleep.
  void note_dirty_sleep(TimePoint now) { dirty_sleep_ = now; }

  void set_io_listener(IoListener& listener) { io_listener_ = &listener; }

  // bdi_congested(); kernels whose queues are never congested say false.
  virtual bool congested(BioOp op, bool sync) const = 0;
  virtual bool write_congested() const = 0;  // of the writes that write-back sends

  virtual int allocated() const = 0;  // requests, from the allocation to the completion
  virtual int in_flight() const = 0;  // of them taken by the driver
  bool idle() const { return allocated() == 0; }
  virtual QueueStats stats() = 0;     // as of now, as whoever reads /proc/diskstats
  virtual Duration busy() const = 0;  // the device was serving, up to now
  const QueueParams& params() const { return params_; }

 protected:
  bool plugged_ = false;  // the queue's own plug: unplug() has something to do
  IoListener* io_listener_ = nullptr;
  QueueParams params_;
  TimePoint dirty_sleep_ = kNever;

 private:
  static constexpr TimePoint kNever{-std::chrono::hours(1)};
  virtual void generic_unplug_device() = 0;
};

// `device`, `layer` and `trace` must outlive the queue. Throws std::invalid_argument for an
// unknown scheduler.
std::unique_ptr<RequestQueue> make_request_queue(Simulator& sim, TickClock clock, Device& device,
                                                 const QueueParams& params, const QueueRules& rules,
                                                 BlockLayer& layer, TraceSink& trace);

}  // namespace wbsim
