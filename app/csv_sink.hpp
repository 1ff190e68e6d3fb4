// The CSV files of a run, written while it runs.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/output_file.hpp"
#include "app/output_sink.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// A line of CSV; the kind of each value says how it is spelt.
class CsvRow {
 public:
  CsvRow& text(std::string_view value);
  CsvRow& number(std::int64_t value);
  CsvRow& seconds(Duration value);  // 6 decimals
  CsvRow& micros(Duration value);   // 3 decimals
  std::string_view finish();
  void clear() { line_.clear(); }

 private:
  std::string line_;
};

struct CsvOptions {
  std::string directory;
  bool calls = true;  // writes.csv and reads.csv
};

class CsvSink : public OutputSink {
 public:
  CsvSink(const Scenario& scenario, const CsvOptions& options);

  void on_sample(const Sample& sample) override;
  void on_write(const CallRecord& call) override;
  void on_read(const CallRecord& call) override;
  void on_fsync(const FsyncRecord& record) override;
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& request) override;
  void on_work(const WorkRecord& work) override;
  void on_balance_dirty_pages(const BalanceDirtyPagesEvent& event) override;
  void on_writeback_work(const WritebackWorkEvent& event) override;

  bool failed() const override;
  void close() override;

 private:
  void emit(OutputFile& file);
  void call(OutputFile& file, const CallRecord& record);
  void device_columns(const DeviceSample& device, const Sample& sample);
  std::unique_ptr<OutputFile> open(const std::string& name, std::string_view header);

  std::string directory_;
  std::vector<std::string> writers_, devices_;
  bool lazytime_;  // samples have b_dirty_time
  bool at_risk_;   // samples have the columns of data at risk
  std::unique_ptr<OutputFile> samples_, writes_, reads_, fsync_, requests_, works_;
  std::unique_ptr<OutputFile> pauses_, rounds_;  // from the first one on
  CsvRow row_;
};

}  // namespace wbsim
