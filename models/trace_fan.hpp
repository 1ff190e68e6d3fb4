// Several sinks as one.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "models/trace.hpp"

namespace wbsim {

// Passes everything on to several sinks, to each in this order.
class TraceFan : public TraceSink {
 public:
  explicit TraceFan(std::vector<TraceSink*> sinks) : sinks_(std::move(sinks)) {}

  void on_sample(const Sample& s) override { each(&TraceSink::on_sample, s); }
  void on_write(const CallRecord& c) override { each(&TraceSink::on_write, c); }
  void on_read(const CallRecord& c) override { each(&TraceSink::on_read, c); }
  void on_fsync(const FsyncRecord& f) override { each(&TraceSink::on_fsync, f); }
  bool wants_requests() const override { return any(&TraceSink::wants_requests); }
  void on_request(const RequestRecord& r) override { each(&TraceSink::on_request, r); }
  void on_work(const WorkRecord& w) override { each(&TraceSink::on_work, w); }
  void on_balance_dirty_pages(const BalanceDirtyPagesEvent& e) override {
    each(&TraceSink::on_balance_dirty_pages, e);
  }
  void on_bdi_dirty_ratelimit(const BdiDirtyRatelimitEvent& e) override {
    each(&TraceSink::on_bdi_dirty_ratelimit, e);
  }
  void on_global_dirty_state(const GlobalDirtyStateEvent& e) override {
    each(&TraceSink::on_global_dirty_state, e);
  }
  void on_writeback_work(const WritebackWorkEvent& e) override {
    each(&TraceSink::on_writeback_work, e);
  }
  void on_writeback_queue_io(const WritebackQueueIoEvent& e) override {
    each(&TraceSink::on_writeback_queue_io, e);
  }
  void on_writeback_single_inode(const WritebackSingleInodeEvent& e) override {
    each(&TraceSink::on_writeback_single_inode, e);
  }
  void on_writeback_pages_written(const WritebackPagesWrittenEvent& e) override {
    each(&TraceSink::on_writeback_pages_written, e);
  }
  void on_wait(const WaitRecord& w) override { each(&TraceSink::on_wait, w); }
  bool wants_block_events() const override { return any(&TraceSink::wants_block_events); }
  void on_block(const BlockEvent& e) override { each(&TraceSink::on_block, e); }
  bool wants_page_events() const override { return any(&TraceSink::wants_page_events); }
  bool wants_inode_lists() const override { return any(&TraceSink::wants_inode_lists); }
  void on_page(const PageEvent& e) override { each(&TraceSink::on_page, e); }
  void on_buffer_dirty(const BufferDirtyEvent& e) override { each(&TraceSink::on_buffer_dirty, e); }
  void on_buffer_cache(const BufferCacheEvent& e) override { each(&TraceSink::on_buffer_cache, e); }
  void on_inode(const InodeEvent& e) override { each(&TraceSink::on_inode, e); }
  void on_wbc_writepage(const WbcWritepageEvent& e) override {
    each(&TraceSink::on_wbc_writepage, e);
  }

 private:
  bool any(bool (TraceSink::*wants)() const) const {
    return std::any_of(sinks_.begin(), sinks_.end(),
                       [wants](const TraceSink* sink) { return (sink->*wants)(); });
  }
  template <class Record>
  void each(void (TraceSink::*take)(const Record&), const Record& record) {
    for (TraceSink* sink : sinks_)
      (sink->*take)(record);
  }

  std::vector<TraceSink*> sinks_;
};

}  // namespace wbsim
