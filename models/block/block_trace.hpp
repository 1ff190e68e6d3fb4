// Sends the tracepoints of one queue to a sink that asked for them; costs a test of a pointer when
// nobody did.
#pragma once

#include <string_view>

#include "models/block/bio.hpp"
#include "models/block/queue_settings.hpp"
#include "models/block/request.hpp"
#include "models/trace.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

class BlockTrace {
 public:
  using What = BlockEvent::What;

  BlockTrace(TraceSink& sink, const Simulator& sim, const QueueParams& params)
      : sink_(sink.wants_block_events() ? &sink : nullptr),
        sim_(sim),
        device_(params.device_index),
        origin_(params.origin) {}

  void bio(What what, const Bio& bio, std::string_view thread) const {
    if (sink_)
      send(what, thread, bio.sector, bio.length, bio.op, bio.sync, bio.meta);
  }
  // A bio that was merged just now. One whose merge closed a gap to the next request counts as a
  // front merge: what it is linked to is all that tells them apart.
  void merged(const Bio& b, std::string_view thread) const {
    if (sink_)
      bio(b.bi_next ? What::kBioFrontmerge : What::kBioBackmerge, b, thread);
  }
  void request(What what, const Request& rq) const {
    if (sink_)
      send(what, rq.thread(), rq.sector, rq.sectors, rq.op, rq.sync, rq.meta_sectors > Sectors(0));
  }
  // kPlug; kUnplug and kUnplugTimer with the number of requests that are let go.
  void plug(What what, std::string_view thread, int requests = 0) const {
    if (!sink_)
      return;
    BlockEvent event = of_device(what, thread);
    event.requests = requests;
    sink_->on_block(event);
  }

  // The plug of a task is flushed, by itself or because it goes to sleep.
  void unplug_list(const QueueList& requests, bool from_schedule) const {
    if (sink_)
      plug(from_schedule ? What::kUnplugTimer : What::kUnplug, requests.front().thread(),
           static_cast<int>(requests.size()));
  }

 private:
  BlockEvent of_device(What what, std::string_view thread) const {
    BlockEvent event;
    event.what = what;
    event.time = sim_.now() - origin_;
    event.thread = thread;
    event.device = device_;
    return event;
  }
  void send(What what, std::string_view thread, Sectors sector, Sectors sectors, BioOp op,
            bool sync, bool meta) const {
    BlockEvent event = of_device(what, thread);
    event.sector = sector;
    event.sectors = sectors;
    event.flush = op == BioOp::kFlush;
    event.write = op != BioOp::kRead;
    event.sync = sync && op == BioOp::kWrite;  // every read is
    event.meta = meta;
    sink_->on_block(event);
  }

  TraceSink* sink_;
  const Simulator& sim_;
  int device_;
  TimePoint origin_;
};

}  // namespace wbsim
