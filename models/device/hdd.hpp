// A hard disk: zones, seek curve, rotation that never stops, command queueing, write cache.
//   service = overhead + seek, or head switch + write settle + rotational wait + transfer
// What follows on at once (read-ahead; or the drive had the write in its queue or cache) is not
// waited for. With a queue the drive takes the command with the least seek and rotation first, but
// none older than the age limit is passed over. The write cache ends a write when it has been taken
// over, and writes it to the platters later, of the next ones behind the arm the quickest to reach
// first; a flush empties it, and no other command is begun meanwhile (FLUSH CACHE is not queued).
// Left out: several cache segments, reads served from the write cache, defects, spin-down.
#pragma once

#include "models/device/device.hpp"
#include "models/device/disk_geometry.hpp"
#include "models/device/write_cache.hpp"

namespace wbsim {

class HardDisk final : public Device {
 public:
  explicit HardDisk(const DeviceConfig& config);

  // The media's part of the model, plain arithmetic without an engine: serves a command that is
  // begun at `now`, and moves the arm.
  Duration serve(DeviceRequest& rq, TimePoint now);
  Duration seek_time(std::int64_t cylinders) const;
  Duration rotation() const { return to_duration(rotation_ns_); }
  const DiskGeometry& geometry() const { return geometry_; }
  Sectors cached() const { return cache_.size(); }

 private:
  void accept(DeviceRequest& rq) override;
  void step();
  void take_into_cache();
  void end_of_link();
  void use_media();
  bool complete_flush();
  DeviceRequest* pick();
  void destage();
  void end_of_media();

  struct Positioning {
    Duration before{0};  // overhead, seek, head switch, settling
    double wait_ns = 0;  // for the platter
  };
  Positioning positioning(const DeviceRequest& rq, TimePoint now, Duration overhead) const;
  bool follows_on(const DeviceRequest& rq, TimePoint now) const;
  bool read_ahead_has(const DeviceRequest& rq, TimePoint now) const;
  Duration media_time(const DeviceRequest& rq, TimePoint now, Duration overhead) const;
  void move_arm(const DeviceRequest& rq, TimePoint end);
  bool cacheable(const DeviceRequest& rq) const {
    return rq.op == BioOp::kWrite && !rq.fua && config_.write_cache > Bytes(0);
  }
  Duration link_time(Sectors sectors) const;
  static Duration to_duration(double ns) { return Duration(static_cast<Duration::rep>(ns + 0.5)); }

  HddConfig config_;
  double rotation_ns_;
  DiskGeometry geometry_;
  WriteCache cache_;
  Sectors arm_;  // the end of what was read or written last
  TimePoint last_end_{};
  BioOp last_op_ = BioOp::kWrite;

  CommandList waiting_;  // in order of arrival
  DeviceRequest* on_link_ = nullptr;
  DeviceRequest* on_media_ = nullptr;
  WriteCache::Extent destaging_{};  // empty: none
  bool destaged_last_ = false;
  bool ending_ = false;  // between two commands: what comes now waits until the host was asked
};

}  // namespace wbsim
