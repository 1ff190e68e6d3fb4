// fio's logs of each writer: JOB_bw.N.log and JOB_iops.N.log, a row a second, and JOB_clat.N.log
// and JOB_lat.N.log, a row a call. N counts the writers of the run from 1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/output_file.hpp"
#include "app/output_sink.hpp"
#include "app/rate_windows.hpp"
#include "app/text_line.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// time_ms, value, direction, block size; and with six columns offset and priority. fio 3.33 writes
// six with log_offset=1; its own fiologparser.py reads only four.
enum class FioColumns : std::uint8_t { kFour = 4, kSix = 6 };

class FioLogSink : public OutputSink {
 public:
  // `directory` exists. Throws OutputError.
  FioLogSink(const Scenario& scenario, const std::string& directory, FioColumns columns);

  void on_write(const CallRecord& call) override { add(call, kWrite); }
  void on_read(const CallRecord& call) override { add(call, kRead); }
  bool failed() const override;
  void close() override;

 private:
  enum Direction : unsigned { kRead = 0, kWrite = 1 };  // fio's numbers
  struct Log {
    std::unique_ptr<OutputFile> bw, iops, clat, lat;
    std::vector<RateWindows> windows;  // by Direction
  };
  struct Row {
    Duration time;
    std::int64_t value = 0;
    Direction direction = kWrite;
    std::int64_t bs = 0, offset = 0;
  };

  void add(const CallRecord& call, Direction direction);
  void rates(Log& log, const RateWindow& window, Direction direction);
  void row(OutputFile& file, const Row& row);

  FioColumns columns_;
  std::vector<Log> logs_;
  TextLine line_;
};

}  // namespace wbsim
