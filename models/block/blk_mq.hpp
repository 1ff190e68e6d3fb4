// The multi-queue block layer: a software queue per processor, hardware queues with tags, a
// scheduler or none, write-back throttling, and the plugs of tasks.
// MODELS:   6.1 block/blk-mq.c, blk-mq-sched.c, blk-mq-tag.c.
// DEVIATES: kblockd runs at once; requests are never issued in batches (->queue_rqs).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/block/blk_flush.hpp"
#include "models/block/blk_wbt.hpp"
#include "models/block/driver_queue.hpp"
#include "models/block/elevator_queue.hpp"
#include "models/block/tag_queue.hpp"

namespace wbsim {

class BlkMqQueue final : public DriverQueue, private RequestOwner, private FlushHost {
 public:
  // The device holds the tags of all hardware queues together. Throws std::invalid_argument for a
  // scheduler that blk-mq does not have.
  BlkMqQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
             const QueueRules& rules, BlockLayer& layer, TraceSink& trace);

  Submit try_submit(Bio& bio, IoContext& ioc) override;
  Task<> submit_slow(Bio& bio, IoContext& ioc) override;
  void flush_plug_list(QueueList& requests, PlugFlush why) override;

  bool congested(BioOp, bool) const override { return false; }
  bool write_congested() const override { return false; }

  const BlkWbt* wbt() const { return wbt_.get(); }
  const TagQueue& tags(int hctx) const { return hctxs_[static_cast<std::size_t>(hctx)].driver; }

 private:
  struct Hctx {
    Hctx(int driver_depth, int sched_depth) : driver(driver_depth) {
      if (sched_depth > 0)
        sched.emplace(sched_depth);
    }
    TagQueue& allocation_tags() { return sched ? *sched : driver; }

    TagQueue driver;                // tags of the hardware queue
    std::optional<TagQueue> sched;  // those a request needs before, with a scheduler
    QueueList dispatch;             // left over, to be tried first
    bool run_pending = false;       // kblockd will run it
  };

  Hctx& hctx_of(const Request& rq) { return hctxs_[rq.hctx]; }
  std::uint16_t hctx_for(int cpu) const;
  int limit_depth(const Bio& bio) const;

  bool try_merge(Bio& bio, IoContext& ioc);
  bool ctx_merge(Bio& bio, int cpu);
  Request& get_request(Bio& bio, const IoContext& ioc);
  void insert(Request& rq, Bio& bio, IoContext& ioc);
  void put_request(Request& rq) override;
  void generic_unplug_device() override {}

  // From the queues to the device.
  void insert_requests(QueueList& requests);
  bool get_driver_tag(Request& rq);
  void put_driver_tag(Request& rq);
  bool try_issue(Request& rq);
  bool run_hw_queue(Hctx& hctx);
  void run_hw_queue_async(Hctx& hctx);
  void run_hw_queues();
  Request* next_request(Hctx& hctx);
  void device_ready() override { run_hw_queues(); }
  void request_completed(Request& rq) override;

  void queue_flush_step(Request& rq, bool front) override;
  void flush_done(Request& rq) override;

  std::unique_ptr<BlkWbt> wbt_;               // null: off
  int async_write_depth_, sync_write_depth_;  // tags of the scheduler they may have
  std::vector<Hctx> hctxs_;
  std::vector<QueueList> ctxs_;  // software queues, by processor: without a scheduler
  QueueRules rules_;
  std::optional<ElevatorQueue> elevator_;  // one for all hardware queues
  FlushMachine flush_;
};

}  // namespace wbsim
