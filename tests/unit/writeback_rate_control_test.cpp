// The arithmetic of IO-less throttling, by the worked examples of gen-3.x-ioless and gen-6.x.
#include <catch2/catch.hpp>

#include "models/writeback/rate_control.hpp"
#include "models/writeback/rate_estimate.hpp"

namespace wbsim {
namespace {

DirtyState one_device(std::int64_t dirty) {
  DirtyState s;
  s.thresh = s.limit = s.bdi_thresh = Pages(40000);
  s.bg_thresh = Pages(20000);
  s.dirty = s.bdi_dirty = Pages(dirty);
  s.avg_write_bandwidth = 25600;
  return s;
}

TEST_CASE("ioless 10.1, 6.x 10.6: the position ratio of one device that has all the share",
          "[writeback]") {
  struct Row {
    std::int64_t dirty, of_310, of_61;
  };
  for (const Row& row : {Row{20000, 30742, 2197}, Row{30000, 2094, 2094}, Row{32500, 1165, 1165},
                         Row{35000, 1023, 1023}, Row{37500, 885, 885}, Row{39000, 490, 490},
                         Row{39999, 1, 1}, Row{40000, 0, 0}}) {
    CAPTURE(row.dirty);
    CHECK(position_ratio(RateRule::k310, one_device(row.dirty)) == row.of_310);
    CHECK(position_ratio(RateRule::k61, one_device(row.dirty)) == row.of_61);
  }
}

TEST_CASE("ioless 10.2: the position ratio of one of two devices", "[writeback]") {
  DirtyState s = one_device(35000);
  s.bdi_thresh = Pages(20000);
  s.avg_write_bandwidth = 12800;
  struct Row {
    std::int64_t bdi_dirty, ratio;
  };
  for (const Row& row : {Row{500, 10464}, Row{1000, 10400}, Row{5000, 2466}, Row{10000, 1149},
                         Row{17500, 1023}, Row{25000, 898}, Row{30000, 814}, Row{40000, 647}}) {
    CAPTURE(row.bdi_dirty);
    s.bdi_dirty = Pages(row.bdi_dirty);
    CHECK(position_ratio(RateRule::k310, s) == row.ratio);
  }
}

TEST_CASE("ioless 10.3: the position ratio under strictlimit", "[writeback]") {
  DirtyState s = one_device(1000);
  s.bdi_thresh = Pages(400);
  s.bdi_bg_thresh = Pages(200);
  s.strict_limit = true;
  struct Row {
    std::int64_t bdi_dirty, ratio;
  };
  for (const Row& row : {Row{4, 2048}, Row{100, 2048}, Row{200, 2015}, Row{300, 1024},
                         Row{350, 900}, Row{399, 62}, Row{400, 0}}) {
    CAPTURE(row.bdi_dirty);
    s.bdi_dirty = Pages(row.bdi_dirty);
    CHECK(position_ratio(RateRule::k61, s) == row.ratio);
  }
}

TEST_CASE("ioless 10.4: pauses", "[writeback]") {
  struct Row {
    int hz;
    std::int64_t task_ratelimit, dirty_ratelimit, max, min, pages, bdi_dirty = 20000;
  };
  for (const Row& row :
       {Row{1000, 25600, 25600, 100, 6, 250}, Row{1000, 6400, 6400, 100, 15, 181},
        Row{1000, 3200, 12800, 100, 10, 237}, Row{1000, 100, 100, 100, 100, 9},
        Row{250, 25600, 25600, 25, 2, 200}, Row{250, 6400, 6400, 25, 4, 150},
        Row{100, 25600, 25600, 13, 1, 200}, Row{100, 6400, 6400, 13, 2, 100},
        Row{1000, 25600, 25600, 2, 2, 50, 300}, Row{250, 25600, 25600, 1, 1, 100, 300},
        Row{100, 25600, 25600, 1, 1, 200, 300}}) {
    CAPTURE(row.hz, row.task_ratelimit, row.dirty_ratelimit, row.bdi_dirty);
    const Jiffies most = max_pause(Pages(row.bdi_dirty), 25600, row.hz);
    CHECK(most == Jiffies(row.max));
    const MinPause least = min_pause(most, 25600, row.task_ratelimit, row.dirty_ratelimit, row.hz);
    CHECK(least.pause == Jiffies(row.min));
    CHECK(least.nr_dirtied_pause == Pages(row.pages));
  }
}

TEST_CASE("ioless 10.6: pages until the next look", "[writeback]") {
  const auto poll = [](std::int64_t dirty) {
    return dirty_poll_interval(Pages(dirty), Pages(40000)).count();
  };
  CHECK(poll(0) == 128);
  CHECK(poll(20000) == 128);
  CHECK(poll(30000) == 64);
  CHECK(poll(39990) == 2);
  CHECK(poll(39999) == 1);
  CHECK(poll(40000) == 1);
  CHECK(poll(50000) == 1);
}

TEST_CASE("ioless 10.7: the write bandwidth after a step to half", "[writeback]") {
  BdiRates rates;
  const std::int64_t expected[][2] = {{24975, 25600}, {24380, 25522}, {23814, 25380},
                                      {23276, 25185}, {22764, 24947}, {22277, 24675}};
  for (const auto& [raw, avg] : expected) {
    const Pages written = rates.written_stamp + Pages(2560);
    update_write_bandwidth(RateRule::k310, rates, Jiffies(200), written, 1000);
    rates.written_stamp = written;
    CHECK(rates.write_bandwidth == raw);
    CHECK(rates.avg_write_bandwidth == avg);
  }
}

TEST_CASE("ioless 10.7: a long interval counts alone", "[writeback]") {
  BdiRates rates;
  update_write_bandwidth(RateRule::k310, rates, Jiffies(5000), Pages(64000), 1000);
  CHECK(rates.write_bandwidth == 12800);
  CHECK(rates.avg_write_bandwidth == 12800);
}

TEST_CASE("an idle device of 6.1 keeps a bandwidth, one of 3.10 may lose it", "[writeback]") {
  BdiRates before, after;
  update_write_bandwidth(RateRule::k310, before, Jiffies(5000), Pages(0), 1000);
  update_write_bandwidth(RateRule::k61, after, Jiffies(5000), Pages(0), 1000);
  CHECK(before.avg_write_bandwidth == 0);
  CHECK(after.avg_write_bandwidth == 1);
}

// A state whose position ratio is what the example says, by trying all numbers of dirty pages.
DirtyState with_ratio(std::int64_t ratio) {
  DirtyState s = one_device(0);
  for (std::int64_t dirty = 30000; dirty < 40000; ++dirty) {
    s.dirty = s.bdi_dirty = Pages(dirty);
    if (position_ratio(RateRule::k310, s) == ratio)
      return s;
  }
  FAIL("no state has ratio " << ratio);
  return s;
}

TEST_CASE("ioless 10.8: the base rate at the set point waits for two opinions", "[writeback]") {
  const DirtyState s = with_ratio(1023);
  BdiRates rates;
  update_dirty_ratelimit(rates, s, position_ratio(RateRule::k310, s), Jiffies(200), Pages(10240),
                         1000);
  CHECK(rates.dirty_ratelimit == 25600);
  CHECK(rates.balanced_dirty_ratelimit == 25576LL * 25600 / 51201);
}

TEST_CASE("ioless 10.8: the base rate ramps up below the set point", "[writeback]") {
  BdiRates rates;
  rates.dirty_ratelimit = 6400;
  const DirtyState s = with_ratio(1920);
  update_dirty_ratelimit(rates, s, position_ratio(RateRule::k310, s), Jiffies(200), Pages(2500),
                         1000);
  CHECK(rates.dirty_ratelimit == 7101);
  CHECK(rates.balanced_dirty_ratelimit == 24576);
}

TEST_CASE("ioless 10.8: the base rate comes down above the set point", "[writeback]") {
  BdiRates rates;
  rates.balanced_dirty_ratelimit = 12800;
  const DirtyState s = with_ratio(700);
  update_dirty_ratelimit(rates, s, position_ratio(RateRule::k310, s), Jiffies(200), Pages(10240),
                         1000);
  CHECK(rates.dirty_ratelimit == 25093);
  CHECK(rates.balanced_dirty_ratelimit == 8750);
}

TEST_CASE("ioless 10.9: the tracked limit comes down by 1/32 of the distance", "[writeback]") {
  Pages limit(40000);
  for (const std::int64_t expected : {39688, 39386, 39093, 38809, 38534}) {
    limit = update_dirty_limit(limit, Pages(20000), Pages(30000));
    CHECK(limit == Pages(expected));
  }
  CHECK(update_dirty_limit(limit, Pages(50000), Pages(0)) == Pages(50000));
}

TEST_CASE("ioless 10.10: pages of one inode in one go", "[writeback]") {
  constexpr std::int64_t kAll = INT64_MAX;
  CHECK(writeback_chunk_size(25600, Pages(40000), kAll) == 5120);
  CHECK(writeback_chunk_size(25600, Pages(800000), kAll) == 13312);
  CHECK(writeback_chunk_size(51200, Pages(40000), kAll) == 5120);
  CHECK(writeback_chunk_size(1000, Pages(40000), kAll) == 1024);
  CHECK(writeback_chunk_size(25600, Pages(40000), 100) == 1024);
  CHECK(writeback_chunk_size(25600, Pages(40000), 1024) == 2048);
  CHECK(writeback_chunk_size(512000, Pages(4000000), kAll) == 257024);
}

// Fengguang Wu's arithmetic of many writers: none can be slower than 8 pages in MAX_PAUSE.
TEST_CASE("a task over the limit dirties 8 pages in 200 ms: 160 KB/s", "[writeback]") {
  DirtyState s = one_device(40000);
  CHECK(position_ratio(RateRule::k310, s) == 0);
  const Jiffies pause = max_pause(Pages(1 << 20), 25600, 1000);
  CHECK(pause == Jiffies(200));
  CHECK(8 * kPageSize * 1000 / pause.count() == 163840);
  // 512 of them dirty 80 MB/s: more than a stick of 10 MB/s takes.
  CHECK(512 * 163840 > 10'000'000);
}

}  // namespace
}  // namespace wbsim
