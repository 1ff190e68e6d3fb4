#include "app/hdr_sink.hpp"

#include <cmath>
#include <utility>

#include "app/number_text.hpp"
#include "app/output_file.hpp"
#include "app/summary_json.hpp"
#include "app/text_line.hpp"

namespace wbsim {
namespace {

constexpr double kTicksPerHalf = 5;  // rows while the distance to 100 % halves
constexpr double kNsPerUnit = 1000;  // values are printed in microseconds

struct PercentileRow {
  std::int64_t value = 0, count = 0;
  double percent = 0;
};

void put(TextLine& out, const PercentileRow& row) {
  const double share = row.percent / 100;
  out.right(fixed_text(static_cast<double>(row.value) / kNsPerUnit, 3), 12).text(" ");
  out.text(fixed_text(share, 12)).text(" ").right(row.count, 10);
  if (share < 1)
    out.text(" ").right(fixed_text(1 / (1 - share), 2), 14);
  out.text("\n");
}

// How many rows there are between here and 100 %, and so how far it is to the next one.
double next_percent(double percent) {
  const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
  return percent + 100 / (kTicksPerHalf * std::exp2(halvings));
}

void put_footer(TextLine& out, const LatencyHistogram& histogram) {
  const auto of = [](double ns) { return fixed_text(ns / kNsPerUnit, 3); };
  constexpr int kSubBuckets = 2 << LatencyHistogram::kHdrBits;
  int doublings = 1;
  for (std::int64_t covered = kSubBuckets; covered <= histogram.max(); covered *= 2)
    ++doublings;
  out.text("#[Mean    = ").right(of(histogram.mean()), 12);
  out.text(", StdDeviation   = ").right(of(histogram.stddev()), 12).text("]\n");
  out.text("#[Max     = ").right(of(static_cast<double>(histogram.max())), 12);
  out.text(", Total count    = ").right(histogram.count(), 12).text("]\n");
  out.text("#[Buckets = ").right(doublings, 12);
  out.text(", SubBuckets     = ").right(kSubBuckets, 12).text("]\n");
}

}  // namespace

std::string percentile_text(const LatencyHistogram& histogram) {
  TextLine out;
  out.text("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
  PercentileRow row;
  for (const auto& [bucket, n] : histogram.buckets()) {
    row.count += n;
    row.value = histogram.highest(bucket);
    const double reached =
        100 * static_cast<double>(row.count) / static_cast<double>(histogram.count());
    const bool last = row.count == histogram.count();
    while (row.percent < 100 && row.percent <= reached) {
      put(out, row);
      row.percent = next_percent(row.percent);
      if (last)
        break;
    }
  }
  // The last value stands for all that is left.
  row.percent = 100;
  if (row.count > 0)
    put(out, row);
  put_footer(out, histogram);
  return out.str();
}

HdrSink::Histograms HdrSink::none() {
  const LatencyHistogram empty(LatencyHistogram::kHdrBits);
  return {empty, empty, empty};
}

HdrSink::HdrSink(const Scenario& scenario, std::string directory)
    : directory_(std::move(directory)),
      writers_(writer_names(scenario)),
      all_(none()),
      each_(writers_.size(), none()) {}

void HdrSink::add(int writer, Call call, Duration latency) {
  all_[call].add(latency);
  each_[static_cast<std::size_t>(writer)][call].add(latency);
}

void HdrSink::write_all(const std::string& prefix, const Histograms& histograms) const {
  constexpr std::array kNames = {"write", "read", "fsync"};
  for (std::size_t call = 0; call < kCalls; ++call) {
    if (histograms[call].count() > 0)
      write_file(directory_ + "/" + prefix + kNames[call] + ".hgrm",
                 percentile_text(histograms[call]));
  }
}

void HdrSink::close() {
  write_all("", all_);
  for (std::size_t i = 0; writers_.size() > 1 && i < writers_.size(); ++i)
    write_all(writers_[i] + ".", each_[i]);
}

}  // namespace wbsim
