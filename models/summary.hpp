// What is known of a run when it has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/units.hpp"

namespace wbsim {

// Latencies of one kind of call, with exact percentiles (nearest rank with fio's 1-based rounding
// up). All values in nanoseconds.
struct LatencySummary {
  std::int64_t count = 0;
  std::int64_t min = 0, max = 0;
  double mean = 0, stddev = 0;
  std::int64_t sum = 0;
  struct Percentile {
    double percent;
    std::int64_t value;
  };
  std::vector<Percentile> percentiles;  // fio's default list: 1 5 10 ... 99.99
};

struct WriterSummary {
  std::string name;
  Bytes written{}, read{};
  Duration start{}, end{};  // of the first and the last call
  LatencySummary write, read_latency, fsync;
  std::int64_t stalls = 0;          // write() calls longer than 1 ms
  std::int64_t errors = 0;          // calls that returned an error
  Duration throttled{};             // inside balance_dirty_pages()
  std::int64_t throttle_calls = 0;  // balance_dirty_pages() calls that waited or wrote back
  Duration vm_writeout{};           // inside try_to_free_pages()
  std::int64_t vm_writeout_calls = 0;
};

struct DeviceSummary {
  std::string name;
  std::int64_t rd_ios = 0, rd_merges = 0, wr_ios = 0, wr_merges = 0;
  Bytes read{}, written{}, metadata{};
  Duration rd_time{}, wr_time{};             // queued to completed, summed over requests
  Duration io_time{};                        // requests were allocated
  Duration busy{};                           // service time of all requests
  Duration busy_while_writing{};             // until the last writer ended
  Duration first_write{-1}, last_write{-1};  // start of the first, end of the last; -1: none
  std::int64_t seeks = 0;   // starts other than 0 to near_sectors after the last end
  std::int64_t failed = 0;  // requests, which the counters above count like the others
  double mean_queued = 0;   // requests allocated, over the starts
};

struct FlusherSummary {
  int max_threads = 0;
  std::int64_t background_works = 0, periodic_works = 0;
  std::vector<Duration> periodic_starts;  // of the passes that wrote at least a page
  Duration first_background{-1};
};

struct MemorySummary {
  Pages dirty_threshold_at_start{}, background_threshold_at_start{};
  Pages peak_dirty{}, peak_writeback{}, peak_dirty_and_writeback{};
  Pages nr_dirtied{}, nr_written{}, nr_redirtied{}, still_dirty{}, still_writeback{}, discarded{};
  Duration time_to_clean{-1};  // from the last writer's end until nothing is left; -1: not reached
};

struct CgroupSummary {
  std::string name;
  Pages peak_file{}, peak_dirty_and_writeback{}, still_dirty{};
  std::int64_t inodes_switched = 0;  // that became its own, of another cgroup's
  std::int64_t foreign_flushes = 0;  // it asked for
};

// Where the newest data of a file's blocks is; each block counts once, for the first that holds.
struct FileAtCut {
  std::string name;
  Bytes in_memory{}, in_flight{}, in_volatile_cache{};
  Bytes lost_by_errors{}, durable{};
  Bytes promised_and_lost{};  // of the first three: an fsync(2) had returned 0 for it
};

struct PowerCutSummary {
  Duration time{};
  std::vector<FileAtCut> files;  // that were written
};

struct RunSummary {
  std::string kernel;             // preset
  std::string flusher, throttle;  // as run
  Duration simulated{};           // from the start of the jobs
  std::uint64_t events = 0;
  Duration writers_end{};  // when the last job ended
  Duration first_throttle{-1};
  std::vector<WriterSummary> writers;
  std::vector<DeviceSummary> devices;
  FlusherSummary flushers;
  MemorySummary memory;
  std::vector<CgroupSummary> cgroups;
  std::optional<PowerCutSummary> power_cut;
};

}  // namespace wbsim
