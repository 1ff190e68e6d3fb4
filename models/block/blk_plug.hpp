// The plug of a task: its requests collect here, are merged into and go to their queues together.
// MODELS:   2.6.39 to 6.1 struct blk_plug: block/blk-core.c blk_start_plug(), blk_finish_plug(),
//           blk_flush_plug_list(); 6.1 block/blk-mq.c blk_mq_flush_plug_list().
// DEVIATES: queues are taken in the order of their numbers where the kernel takes addresses.
#pragma once

#include "models/block/io_context.hpp"
#include "models/block/queue_settings.hpp"
#include "models/block/request.hpp"
#include "sim/process.hpp"

namespace wbsim {

class BlkPlug {
 public:
  BlkPlug() = default;
  BlkPlug(const BlkPlug&) = delete;

  // By the process of the task, which flushes the plug whenever it goes to sleep. Within another
  // plug of the task both do nothing.
  void start(IoContext& ioc, Process& process);
  void finish();

  bool try_merge(const RequestQueue& q, Bio& bio, const PlugRules& rules, const QueueParams& limits,
                 QueueStats& stats);
  void add(Request& rq, const PlugRules& rules);
  enum class By : std::uint8_t { kSchedule, kTask };
  void flush(By by);
  bool empty() const { return requests_.empty(); }

 private:
  bool must_flush_before(const Request& rq, const PlugRules& rules) const;
  RequestQueue& next_queue(const QueueList& requests) const;

  QueueList requests_;  // in order of arrival
  int count_ = 0;
  bool newest_queue_first_ = false;
  IoContext* ioc_ = nullptr;
  Process* process_ = nullptr;
};

}  // namespace wbsim
