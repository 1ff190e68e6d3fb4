// blktrace's binary files, one for each device: blkparse, btt and iowatcher read them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/output_file.hpp"
#include "app/output_sink.hpp"
#include "app/task_ids.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// MODELS: include/uapi/linux/blktrace_api.h, version 7, little-endian: struct blk_io_trace, with a
// notify record for the name of each task before its first event, and one for the time.
// DEVIATES: the time of day is 0, so that a trace does not depend on the day; one processor.
class BlktraceSink : public OutputSink {
 public:
  // `directory` exists: DEVICE.blktrace.0 in it.
  BlktraceSink(const Scenario& scenario, const std::string& directory);

  bool wants_block_events() const override { return true; }
  void on_block(const BlockEvent& event) override;
  bool failed() const override;
  void close() override;

 private:
  struct Record {
    Duration time{};
    std::int64_t sector = 0, bytes = 0;
    std::uint32_t action = 0;
    int pid = 0;
    std::string_view pdu;
  };
  struct Disk {
    std::unique_ptr<OutputFile> file;
    std::uint32_t device = 0, sequence = 0;
    std::set<int> named;  // pids whose name has been written
  };

  void put(Disk& disk, const Record& record);
  void name_task(Disk& disk, const TaskId& task, Duration time);

  TaskIds tasks_;
  Duration uptime_;
  std::vector<Disk> disks_;
};

}  // namespace wbsim
