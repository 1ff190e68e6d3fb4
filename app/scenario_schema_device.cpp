// Devices: the models, their faults, and arrays of them.
#include "app/scenario_schema.hpp"
#include "models/block/elevator.hpp"
#include "models/device/device.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;

// The keys of one model, or of a few that share them.
class ModelKeys {
 public:
  ModelKeys(KeyVisitor& v, std::string models, bool holds)
      : v_(v), models_(std::move(models)), holds_(holds) {}
  // Those of them that have a further condition.
  ModelKeys with(std::string_view what, bool holds) const {
    ModelKeys keys = *this;
    keys.condition_ += " and " + std::string(what);
    keys.holds_ = holds_ && holds;
    return keys;
  }
  void operator()(const KeySpec& spec, const LeafSlot& value) const {
    v_.leaf(
        spec.only("with model " + models_ + condition_, holds_).read_by("device model " + models_),
        value);
  }
  void rows(const KeySpec& spec, const RowsSlot& value) const {
    v_.rows(spec.only("with model " + models_, holds_).read_by("device model " + models_), value);
  }

 private:
  KeyVisitor& v_;
  std::string models_, condition_;
  bool holds_;
};

void describe_fixed(const ModelKeys& key, FixedDiskConfig& d) {
  key(rate_key("bandwidth", 1, kFastest, "Transfer rate"), slot(d.bandwidth_bytes_per_s));
  key(rate_key("read_bandwidth", 1, kFastest, "Transfer rate of reads").by_default("bandwidth"),
      slot(d.read_bytes_per_s));
  key(duration_key("overhead", 0s, 10s, "Time of each request besides seek and transfer"),
      slot(d.overhead));
  key(duration_key("seek_base", 0s, 10s, "Cost of any seek"), slot(d.seek_base));
  key(duration_key("seek_full", 0s, 10s, "Further cost of a seek over the whole capacity"),
      slot(d.seek_full));
  key(integer_key("near_sectors", 0, kMostBytes, "A forward jump of at most this is no seek"),
      slot(d.near_sectors));
  key(integer_key("head_at_start", 0, kMostBytes, "The sector behind which the head stands first"),
      slot(d.head_at_start));
  key(duration_key("completion_latency", 0s, 10s,
                   "Delay of each completion, during which the disk goes on"),
      slot(d.completion_latency));
  key(integer_key(
          "mbps", 0, 1'000'000,
          "null_blk's limit: 20971 times as many bytes in each 20 ms, the rest waits; 0: none"),
      slot(d.mbps));
}

RowsSlot zone_rows(std::vector<HddZone>& zones) {
  return {{"cylinders", "sectors_per_track", "track_skew", "cylinder_skew"},
          [&zones] {
            std::vector<std::vector<std::int64_t>> rows;
            for (const HddZone& z : zones)
              rows.push_back({z.cylinders, z.sectors_per_track, z.track_skew, z.cylinder_skew});
            return rows;
          },
          [&zones](const std::vector<std::int64_t>& row) {
            zones.push_back({row[0], row[1], row[2], row[3]});
          }};
}

RowsSlot seek_rows(std::vector<SeekPoint>& points) {
  return {{"cylinders", "time_us"},
          [&points] {
            std::vector<std::vector<std::int64_t>> rows;
            for (const SeekPoint& p : points)
              rows.push_back({p.cylinders, p.time_us});
            return rows;
          },
          [&points](const std::vector<std::int64_t>& row) {
            points.push_back({row[0], row[1]});
          }};
}

void describe_hdd_seek(const ModelKeys& key, HddConfig& d) {
  key.rows(group_key("seek_table", "Measured seek times, used instead of the curve; interpolated"),
           seek_rows(d.seek_table));
  const ModelKeys curve = key.with("no seek_table", d.seek_table.empty());
  curve(real_key("seek_a_ms", 0, 1000, "Seek of d cylinders up to seek_split: a + b*sqrt(d) ms"),
        slot(d.seek_a_ms));
  curve(real_key("seek_b_ms", 0, 1000, "See seek_a_ms"), slot(d.seek_b_ms));
  curve(integer_key("seek_split", 0, HddConfig::kNoSplit, "Cylinders where the seek curve changes")
            .by_default("nowhere"),
        slot(d.seek_split));
  const ModelKeys beyond = curve.with("a seek_split", d.seek_split < HddConfig::kNoSplit);
  beyond(real_key("seek_c_ms", 0, 1000, "Seek of d cylinders beyond seek_split: c + e*d ms"),
         slot(d.seek_c_ms));
  beyond(real_key("seek_e_ms", 0, 1000, "See seek_c_ms"), slot(d.seek_e_ms));
}

void describe_hdd_media(const ModelKeys& key, HddConfig& d) {
  key(integer_key("rpm", 1, 1'000'000, "Revolutions a minute"), slot(d.rpm));
  key(integer_key("heads", 1, 10'000, "Heads"), slot(d.heads));
  key.rows(group_key("zones",
                     "Zones, outermost first; skews in sectors. Without it they follow from "
                     "capacity, outer_rate and inner_rate"),
           zone_rows(d.zones));
  const ModelKeys zoneless = key.with("no zones", d.zones.empty());
  zoneless(rate_key("outer_rate", 1, kFastest, "Sustained rate at the first sector"),
           slot(d.outer_bytes_per_s));
  zoneless(rate_key("inner_rate", 1, kFastest, "Sustained rate at the last sector"),
           slot(d.inner_bytes_per_s));
  key(duration_key("overhead", 0s, 10s, "Controller time of each request"), slot(d.overhead));
  describe_hdd_seek(key, d);
  key.with("several heads", d.heads > 1)(
      duration_key("head_switch", 0s, 1s, "Change to another head on the same cylinder"),
      slot(d.head_switch));
  key(duration_key("write_settle", 0s, 1s, "Further time of a write that is positioned"),
      slot(d.write_settle));
}

void describe_hdd_drive(const ModelKeys& key, HddConfig& d, bool queues) {
  key(size_key("read_ahead", 0, kMostBytes,
               "After a read the drive reads on so far; 0B: not at all"),
      slot(d.read_ahead));
  key(size_key("drive_cache", 0, kMostBytes, "Volatile write cache; 0B: a write ends on the medium")
          .multiple_of(kSectorSize),
      slot(d.write_cache));
  const bool memory = d.read_ahead > Bytes(0) || d.write_cache > Bytes(0);
  key.with("read_ahead or drive_cache", memory)(
      rate_key("link_rate", 0, kFastest, "To and from the drive's memory; 0B/s: takes no time"),
      slot(d.link_bytes_per_s));
  const ModelKeys queue = key.with("a driver_depth above 1", queues);
  queue(flag_key("sptf", "Least positioning time first, or as they come"), slot(d.sptf));
  queue.with("sptf", d.sptf)(
      duration_key("age_limit", 1us, kDay, "No command older than this is passed over"),
      slot(d.age_limit));
}

std::vector<std::string> placement_words() {
  return {"address", "any"};
}

void describe_flash(const ModelKeys& key, FlashConfig& d) {
  key(integer_key("units", 1, 100'000, "Units that read or program at the same time"),
      slot(d.units));
  key(size_key("stripe", kSectorSize, kMostBytes,
               "A request is split into pieces of this, a unit each")
          .multiple_of(kSectorSize),
      slot(d.stripe));
  key.with("several units", d.units > 1)(
      choice_key("placement", placement_words(),
                 "Unit of a read: that of its address, or whichever is free first"),
      enum_slot(d.placement, placement_words()));
  key(duration_key("read_time", 0s, 10s, "Of a piece, in its unit"), slot(d.read_time));
  key(duration_key("program_time", 0s, 10s, "Of a piece, in its unit"), slot(d.program_time));
  key(rate_key("unit_rate", 0, kFastest, "Further time of a piece in its unit; 0B/s: none"),
      slot(d.unit_bytes_per_s));
  key(rate_key("link_rate", 0, kFastest,
               "Of the link, shared by both directions (ssd) or each way (nvme); 0B/s: no time"),
      slot(d.link_bytes_per_s));
  key(duration_key("read_command_time", 0s, 1s, "In the controller, one command after the other"),
      slot(d.read_command_time));
  key(duration_key("write_command_time", 0s, 1s, "The same, of a write or flush"),
      slot(d.write_command_time));
  key(duration_key("command_latency", 0s, 1s, "Further time of each command"),
      slot(d.command_latency));
  key(duration_key("idle_latency", 0s, 1s, "Further time of a command that finds the drive idle"),
      slot(d.idle_latency));
}

void describe_flash_writes(const ModelKeys& key, FlashConfig& d) {
  key(size_key("write_buffer", 0, kMostBytes,
               "Memory that takes writes; 0B: they wait for the program"),
      slot(d.write_buffer));
  const ModelKeys buffer = key.with("a write_buffer", d.write_buffer > Bytes(0));
  buffer(duration_key("buffer_latency", 0s, 1s, "Of a write that the buffer takes"),
         slot(d.buffer_latency));
  buffer(rate_key("sustained_rate", 1, kFastest, "At which the write buffer drains"),
         slot(d.write_bytes_per_s));
  buffer(
      flag_key("power_loss_protection", "The buffer outlives a power cut; a flush costs nothing"),
      slot(d.power_loss_protection));
  key(duration_key("gc_stall", 0s, 60s,
                   "Length of a stall for garbage collection: mean of an exponential "
                   "distribution; 0s: none"),
      slot(d.gc_stall));
  const ModelKeys gc = key.with("a gc_stall", d.gc_stall > Duration::zero());
  gc(size_key("gc_after", 0, kMostBytes,
              "Garbage collection begins after so many bytes are written"),
     slot(d.gc_after));
  gc(size_key("gc_interval", 1, kMostBytes,
              "Bytes written between two stalls: mean of an exponential distribution"),
     slot(d.gc_interval));
}

void describe_usb(const ModelKeys& key, UsbConfig& d) {
  key(rate_key("read_rate", 1, kFastest, "Of reads"), slot(d.read_bytes_per_s));
  key(rate_key("write_rate", 1, kFastest, "Of writes into an open erase block"),
      slot(d.write_bytes_per_s));
  key(duration_key("overhead", 0s, 10s, "Time of each request besides the transfer"),
      slot(d.overhead));
  key(duration_key("erase_stall", 0s, 60s,
                   "Of a write to an erase block that is not open; 0s: none"),
      slot(d.erase_stall));
  const ModelKeys blocks = key.with("an erase_stall", d.erase_stall > Duration::zero());
  blocks(size_key("erase_block", kSectorSize, kMostBytes, "Erase block"), slot(d.erase_block));
  blocks(integer_key("open_blocks", 1, 1000, "Erase blocks that are open for writing at a time"),
         slot(d.open_blocks));
}

std::vector<std::string> fault_kind_words() {
  return {"error", "slow", "hang", "remove"};
}

std::vector<std::string> fault_op_words() {
  return {"any", "read", "write"};
}

void describe_fault(KeyVisitor& v, FaultConfig& f) {
  const std::string reader = "device";
  const std::string not_removed = "with kind error, slow or hang";
  v.leaf(choice_key("kind", fault_kind_words(),
                    "Commands fail with EIO; take factor times as long; do not end; or the device "
                    "is gone and everything fails")
             .needed()
             .read_by(reader),
         enum_slot(f.kind, fault_kind_words()));
  const bool removed = f.kind == FaultKind::kRemove;
  v.leaf(
      duration_key("start", 0s, 365 * kDay, "So long after the start of the jobs").read_by(reader),
      slot(f.start));
  v.leaf(duration_key("duration", 1ns, 365 * kDay, "How long; a hang must have it")
             .by_default("to the end of the run")
             .only(not_removed, !removed)
             .read_by(reader),
         slot(f.duration));
  v.leaf(choice_key("rw", fault_op_words(), "Which commands")
             .only(not_removed, !removed)
             .read_by(reader),
         enum_slot(f.op, fault_op_words()));
  v.leaf(size_key("offset", 0, kMostBytes, "Commands that touch the device from here on")
             .only(not_removed, !removed)
             .read_by(reader),
         slot(f.offset));
  v.leaf(size_key("size", 1, kMostBytes, "Length of that part of the device")
             .by_default("to its end")
             .only(not_removed, !removed)
             .read_by(reader),
         slot(f.size));
  v.leaf(real_key("probability", 0, 1, "Of each command's failure")
             .only("with kind error", f.kind == FaultKind::kError)
             .read_by(reader),
         slot(f.probability));
  v.leaf(real_key("factor", 1, 1e6, "How much longer a command takes")
             .only("with kind slow", f.kind == FaultKind::kSlow)
             .read_by(reader),
         slot(f.factor));
}

bool is_array(const DeviceConfig& d) {
  return d.model == "raid0" || d.model == "jbod";
}

// What a device and a member of an array have in common.
void describe_hardware(KeyVisitor& v, DeviceConfig& d, std::vector<std::string> models) {
  v.leaf(choice_key("model", std::move(models), "How long a request takes").read_by("device"),
         slot(d.model));
  v.leaf(
      name_key("profile",
               "A file NAME.json of devices/ beside the scenario, or of those that come with the "
               "program: its keys stand here unless they are given")
          .by_default("unset")
          .read_by("scenario reader"),
      slot(d.profile));
  v.leaf(size_key("capacity", 1 << 20, kMostBytes, "Capacity")
             .multiple_of(kPageSize)
             .only("with a model other than raid0 and jbod", !is_array(d))
             .read_by("device, file system"),
         slot(d.capacity));
  v.leaf(integer_key("driver_depth", 1, 1'000'000, "Commands the device takes at a time")
             .by_default("1; ssd: 32; nvme: 1023; raid0, jbod: 256")
             .only("with a model other than usb", d.model != "usb")
             .read_by("device"),
         slot(d.driver_depth));
  describe_fixed(ModelKeys(v, "fixed", d.model == "fixed"), d.fixed);
  const ModelKeys hdd(v, "hdd", d.model == "hdd");
  describe_hdd_media(hdd, d.hdd);
  describe_hdd_drive(hdd, d.hdd, d.driver_depth.value_or(1) > 1);
  const ModelKeys flash(v, "ssd or nvme", d.model == "ssd" || d.model == "nvme");
  describe_flash(flash, d.flash);
  describe_flash_writes(flash, d.flash);
  describe_usb(ModelKeys(v, "usb", d.model == "usb"), d.usb);
  v.list(group_key("faults", "What goes wrong with it"), list_slot(d.faults, describe_fault));
}

void describe_member(KeyVisitor& v, DeviceConfig& d) {
  std::vector<std::string> models;
  for (const std::string_view model : device_models()) {
    DeviceConfig of_this;
    of_this.model = std::string(model);
    if (!is_array(of_this))
      models.push_back(of_this.model);
  }
  describe_hardware(v, d, std::move(models));
}

}  // namespace

void describe_device_hardware(KeyVisitor& v, DeviceConfig& d) {
  const std::vector<std::string_view>& models = device_models();
  describe_hardware(v, d, {models.begin(), models.end()});
  v.leaf(size_key("chunk", kPageSize, kMostBytes, "Stripes of this size go to the members in turn")
             .multiple_of(kPageSize)
             .only("with model raid0", d.model == "raid0")
             .read_by("device model raid0"),
         slot(d.array.chunk));
  v.list(group_key("members", "The devices of the array")
             .only("with model raid0 or jbod", is_array(d))
             .read_by("device model raid0 or jbod"),
         list_slot(d.array.members, describe_member));
}

}  // namespace wbsim
