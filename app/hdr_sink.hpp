// HdrHistogram percentile text of the latencies of a run: write.hgrm, read.hgrm and fsync.hgrm,
// each only if there was such a call, and WRITER.write.hgrm and so on where there are several.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "app/latency_histogram.hpp"
#include "app/output_sink.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// Columns Value (us), Percentile, TotalCount, 1/(1-Percentile); footer with mean, stddev, max.
std::string percentile_text(const LatencyHistogram& histogram);

class HdrSink : public OutputSink {
 public:
  HdrSink(const Scenario& scenario, std::string directory);

  void on_write(const CallRecord& call) override { add(call.writer, kWrite, call.latency); }
  void on_read(const CallRecord& call) override { add(call.writer, kRead, call.latency); }
  void on_fsync(const FsyncRecord& call) override { add(call.writer, kFsync, call.latency); }
  bool failed() const override { return false; }  // writes only when it is closed
  void close() override;

 private:
  enum Call : std::uint8_t { kWrite, kRead, kFsync, kCalls };
  using Histograms = std::array<LatencyHistogram, kCalls>;
  static Histograms none();
  void add(int writer, Call call, Duration latency);
  void write_all(const std::string& prefix, const Histograms& histograms) const;

  std::string directory_;
  std::vector<std::string> writers_;
  Histograms all_;
  std::vector<Histograms> each_;  // by writer
};

}  // namespace wbsim
