// Everything a run reports, as one number: two runs are the same if it is the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/trace.hpp"

namespace wbsim {

class TraceDigest : public TraceSink {
 public:
  std::uint64_t value() const { return hash_; }

  void on_sample(const Sample& s) override {
    add(s.time, s.nr_dirty, s.nr_writeback, s.nr_dirtied, s.nr_written, s.nr_free_pages,
        s.nr_file_pages, s.dirty_threshold, s.background_threshold, s.pdflush, s.flush);
    for (const DeviceSample& d : s.devices)
      add(d.rd_ios, d.rd_sectors, d.wr_ios, d.wr_merges, d.wr_sectors, d.wr_time, d.in_flight,
          d.io_time, d.busy, d.bdi_writeback, d.bdi_reclaimable, d.bdi_dirty_thresh, d.bdi_written,
          d.b_dirty, d.b_io, d.b_more_io);
  }
  void on_write(const CallRecord& c) override { add(1, c.writer, c.start, c.latency, c.bytes); }
  void on_read(const CallRecord& c) override { add(2, c.writer, c.start, c.latency, c.bytes); }
  void on_fsync(const FsyncRecord& c) override {
    add(3, c.writer, c.start, c.write_latency, c.latency);
  }
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& r) override {
    add(4, r.queued, r.started, r.completed, r.service, r.device, r.write, r.sync, r.idle_start,
        r.sector, r.sectors, r.head_before, r.bios, r.allocated, r.meta_sectors,
        static_cast<int>(r.reason), r.thread);
  }
  void on_work(const WorkRecord& w) override {
    add(5, w.start, w.end, static_cast<int>(w.reason), w.written, w.thread);
  }

 private:
  template <class... Values>
  void add(const Values&... values) {
    (add_one(values), ...);
  }
  template <class Tag>
  void add_one(Quantity<Tag> value) {
    add_one(value.count());
  }
  void add_one(Duration value) { add_one(value.count()); }
  void add_one(std::string_view text) {
    for (const char c : text)
      add_one(std::int64_t{c});
  }
  void add_one(int value) { add_one(std::int64_t{value}); }
  void add_one(bool value) { add_one(std::int64_t{value}); }
  void add_one(std::int64_t value) {  // FNV-1a, a word at a time
    hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * 0x100000001b3u;
    hash_ ^= hash_ >> 29;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace wbsim
