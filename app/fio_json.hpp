// What fio --output-format=json says of a run, under fio's keys: jobs and disk_util.
#pragma once

#include <cstdint>
#include <vector>

#include "app/json.hpp"
#include "app/rate_windows.hpp"
#include "models/scenario.hpp"
#include "models/summary.hpp"
#include "models/trace.hpp"

namespace wbsim {

// The spread of the rates of a writer over half a second each, as fio samples it; windows in which
// no call ended do not count.
class FioRates : public TraceSink {
 public:
  explicit FioRates(std::size_t writers);

  void on_write(const CallRecord& call) override { add(call, kWrite); }
  void on_read(const CallRecord& call) override { add(call, kRead); }

  struct Spread {
    std::int64_t samples = 0, min = 0, max = 0;
    double sum = 0, squares = 0;
    void add(std::int64_t value);
    double mean() const;
    double deviation() const;
  };
  struct Rates {
    RateWindows windows;
    Spread bw, iops;  // KiB/s, calls per second
  };
  enum Direction : std::uint8_t { kRead, kWrite };
  const Rates& of(std::size_t writer, Direction direction) const {
    return rates_[2 * writer + direction];
  }

 private:
  void add(const CallRecord& call, Direction direction);

  std::vector<Rates> rates_;
};

// An entry for each writer, in the order of the scenario; `rates` has seen the same run.
Json fio_jobs_json(const Scenario& scenario, const RunSummary& run, const FioRates& rates);
Json fio_disk_util_json(const RunSummary& run);

}  // namespace wbsim
