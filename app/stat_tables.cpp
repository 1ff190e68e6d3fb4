#include "app/stat_tables.hpp"

#include <utility>

#include "app/number_text.hpp"
#include "app/text_line.hpp"

namespace wbsim {
namespace {

constexpr double kKibPerSector = 0.5;

double millis(Duration d) {
  return static_cast<double>(d.count()) / 1e6;
}

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

std::int64_t kib(Pages pages) {
  return to_bytes(pages).count() / 1024;
}

std::int64_t sectors_of(const Sample& s, std::int64_t DeviceSample::*member) {
  std::int64_t sum = 0;
  for (const DeviceSample& d : s.devices)
    sum += d.*member;
  return sum;
}

std::int64_t rounded_kib_per_s(std::int64_t sectors, Duration time) {
  return static_cast<std::int64_t>(per_second(sectors, time) * kKibPerSector + 0.5);
}

// r/s rkB/s rrqm/s %rrqm r_await rareq-sz, and the same of writes.
void put_direction(TextLine& line, std::int64_t ios, std::int64_t sectors, std::int64_t merges,
                   Duration waited, Duration time) {
  const auto n = static_cast<double>(ios);
  const double size = static_cast<double>(sectors) * kKibPerSector;
  const auto merged = static_cast<double>(merges);
  line.right(fixed_text(per_second(ios, time), 2), 8);
  line.right(fixed_text(size * 1e9 / static_cast<double>(time.count()), 2), 10);
  line.right(fixed_text(per_second(merges, time), 2), 9);
  line.right(fixed_text(100 * ratio(merged, merged + n), 2), 7);
  line.right(fixed_text(ratio(millis(waited), n), 2), 8);
  line.right(fixed_text(ratio(size, n), 2), 9);
}

void put_nothing(TextLine& line, std::initializer_list<int> widths) {
  for (const int width : widths)
    line.right("-", width);
}

}  // namespace

void SecondsSink::on_sample(const Sample& sample) {
  if (sample.time < Duration::zero())
    return;
  if (before_ && sample.time / std::chrono::seconds(1) == before_->time / std::chrono::seconds(1))
    return;
  if (before_)
    on_second(*before_, sample, text_);
  before_ = sample;
}

VmstatTable::VmstatTable()
    : SecondsSink(
          "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
          " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n") {}

void VmstatTable::on_second(const Sample& before, const Sample& now, std::string& text) {
  const Duration time = now.time - before.time;
  const auto rate = [&](std::int64_t DeviceSample::*member) {
    return rounded_kib_per_s(sectors_of(now, member) - sectors_of(before, member), time);
  };
  TextLine line;
  line.right("-", 2).text(" ").right(now.procs_blocked, 2).right("-", 7).text(" ");
  line.right(kib(now.nr_free_pages), 6).text(" ").right("-", 6).text(" ");
  line.right(kib(now.nr_file_pages), 6);
  put_nothing(line, {5, 5});
  line.text(" ").right(rate(&DeviceSample::rd_sectors), 5).text(" ");
  line.right(rate(&DeviceSample::wr_sectors), 5);
  put_nothing(line, {5, 5, 3, 3, 3, 3, 3});
  text += line.text("\n").str();
}

IostatTable::IostatTable(const Scenario& scenario) : SecondsSink("") {
  for (const DeviceConfig& device : scenario.devices)
    devices_.push_back(device.name);
}

void IostatTable::on_second(const Sample& before, const Sample& now, std::string& text) {
  const Duration time = now.time - before.time;
  TextLine out;
  out.text(
      "Device            r/s     rkB/s   rrqm/s  %rrqm r_await rareq-sz"
      "     w/s     wkB/s   wrqm/s  %wrqm w_await wareq-sz"
      "     d/s     dkB/s   drqm/s  %drqm d_await dareq-sz     f/s f_await  aqu-sz  %util\n");
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const DeviceSample &a = before.devices[i], &b = now.devices[i];
    const Duration rd_time = b.rd_time - a.rd_time, wr_time = b.wr_time - a.wr_time;
    out.left(devices_[i], 13);
    put_direction(out, b.rd_ios - a.rd_ios, b.rd_sectors - a.rd_sectors, b.rd_merges - a.rd_merges,
                  rd_time, time);
    put_direction(out, b.wr_ios - a.wr_ios, b.wr_sectors - a.wr_sectors, b.wr_merges - a.wr_merges,
                  wr_time, time);
    put_direction(out, 0, 0, 0, Duration::zero(), time);
    put_nothing(out, {8, 8});
    out.right(fixed_text(ratio(millis(rd_time + wr_time), millis(time)), 2), 8);
    out.right(fixed_text(100 * ratio(millis(b.io_time - a.io_time), millis(time)), 2), 7);
    out.text("\n");
  }
  text += out.text("\n").str();
}

}  // namespace wbsim
