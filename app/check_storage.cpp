#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "app/kernel_version.hpp"
#include "app/scenario_check.hpp"
#include "app/units_parse.hpp"
#include "models/fs/ext2.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

bool is_power_of_two(std::int64_t n) {
  return n > 0 && (n & (n - 1)) == 0;
}

struct Span {
  std::int64_t start, length;
  std::string pointer;
};

// Reports every span that begins inside an earlier one.
void check_overlap(std::vector<Span> spans, std::string_view what, Problems& problems) {
  std::stable_sort(spans.begin(), spans.end(),
                   [](const Span& a, const Span& b) { return a.start < b.start; });
  const Span* last = nullptr;
  for (const Span& span : spans) {
    if (last != nullptr && span.start < last->start + last->length)
      problems.error(span.pointer, "overlaps " + std::string(what) + " of " + last->pointer);
    if (last == nullptr || span.start + span.length > last->start + last->length)
      last = &span;
  }
}

class StorageCheck {
 public:
  StorageCheck(const Scenario& s, Problems& problems) : s_(s), problems_(problems) {}

  void run() {
    for (std::size_t i = 0; i < s_.devices.size(); ++i)
      device(s_.devices[i], child("/devices", i));
    int reserved = 0;
    for (std::size_t i = 0; i < s_.devices.size(); ++i) {
      reserved += s_.devices[i].min_ratio;
      if (reserved > 100 && reserved - s_.devices[i].min_ratio <= 100)
        problems_.error(child("/devices", i) + "/min_ratio",
                        "all min_ratio together are more than 100");
    }
    for (std::size_t i = 0; i < s_.filesystems.size(); ++i)
      filesystem(s_.filesystems[i], child("/filesystems", i));
  }

 private:
  void unique(std::set<std::string>& names, const std::string& name, const std::string& pointer) {
    if (problems_.usable(pointer) && !names.insert(name).second)
      problems_.error(pointer, shown(name) + " names something else already");
  }

  void device(const DeviceConfig& d, const std::string& at) {
    unique(block_names_, d.name, at + "/name");
    if (problems_.usable(at + "/name"))
      capacities_[d.name] = {d.capacity.count(), problems_.usable(at + "/capacity")};
    if (d.min_ratio > d.max_ratio)
      problems_.error(at + "/min_ratio", std::to_string(d.min_ratio) + " is above max_ratio, " +
                                             std::to_string(d.max_ratio));
    const KernelRow* kernel = find_kernel(s_.kernel.preset);
    if (d.strict_limit && kernel && kernel->writeback.rates != RateRule::k61)
      problems_.error(at + "/strict_limit",
                      std::string(kernel->name) + " does not have it: it came with 3.12");
    if (!is_power_of_two(d.soft_block_size))
      problems_.error(at + "/soft_block_size",
                      std::to_string(d.soft_block_size) + " bytes are not a power of two");
    check_device(d, at, problems_);
    for (std::size_t i = 0; i < d.faults.size(); ++i)
      if (d.faults[i].start >= s_.run.duration && problems_.usable("/run/duration"))
        problems_.error(child(child(at, "faults"), i) + "/start",
                        "the run lasts no longer than " + duration_text(s_.run.duration.count()));
    std::vector<Span> spans;
    for (std::size_t i = 0; i < d.partitions.size(); ++i)
      partition(d, d.partitions[i], child(at, "partitions") + "/" + std::to_string(i), at, spans);
    check_overlap(std::move(spans), "the sectors", problems_);
  }

  void partition(const DeviceConfig& d, const PartitionConfig& p, const std::string& at,
                 const std::string& device_at, std::vector<Span>& spans) {
    unique(block_names_, p.name, at + "/name");
    if (problems_.usable(at + "/name")) {
      capacities_[p.name] = {to_bytes(p.length).count(), problems_.usable(at + "/size")};
      parent_[p.name] = d.name;
    }
    if (p.soft_block_size && !is_power_of_two(*p.soft_block_size))
      problems_.error(at + "/soft_block_size",
                      std::to_string(*p.soft_block_size) + " bytes are not a power of two");
    if (!problems_.usable(at + "/start") || !problems_.usable(at + "/size"))
      return;
    spans.push_back({p.start.count(), p.length.count(), at});
    if (problems_.usable(device_at + "/capacity") && to_bytes(p.start + p.length) > d.capacity)
      problems_.error(at, "ends at " + size_text(to_bytes(p.start + p.length).count()) +
                              ", beyond the capacity of " + size_text(d.capacity.count()));
  }

  void filesystem(const FilesystemConfig& fs, const std::string& at) {
    unique(fs_names_, fs.name, at + "/name");
    if (!is_power_of_two(fs.block_size))
      problems_.error(at + "/block_size",
                      std::to_string(fs.block_size) + " bytes are not a power of two");
    if (const KernelRow* kernel = find_kernel(s_.kernel.preset);
        fs.barrier && kernel && is_linus(kernel->queue.kind))
      problems_.error(at + "/barrier",
                      "kernel " + std::string(kernel->name) + " has no flush of a drive's cache");
    if (fs.driver == FsDriver::kExt4)
      ext4_driver(fs, at);
    const bool names_known = problems_.usable_below("/devices", "name") &&
                             problems_.usable(at + "/device") && problems_.usable("/devices");
    if (!names_known)
      return;
    const auto found = capacities_.find(fs.device);
    if (found == capacities_.end()) {
      problems_.error(at + "/device", shown(fs.device) + " is no device and no partition",
                      name_hint(fs.device, {block_names_.begin(), block_names_.end()}));
      return;
    }
    used_once(fs, at);
    if (!found->second.known || !problems_.usable(at + "/block_size"))
      return;
    const std::int64_t blocks = found->second.bytes / fs.block_size;
    if (blocks >> 32 != 0)
      problems_.error(at + "/device", shown(fs.device) + " has " + std::to_string(blocks) +
                                          " blocks of " + std::to_string(fs.block_size) +
                                          " bytes; ext2 numbers blocks with 32 bits");
    files(fs, at, blocks);
  }

  void ext4_driver(const FilesystemConfig& fs, const std::string& at) {
    constexpr int kLeastBlock = 1024;
    if (kernel_version(s_.kernel.preset) < KernelVersion{2, 6, 28})
      problems_.error(at + "/driver",
                      "kernel " + s_.kernel.preset + " has no ext4, which came with 2.6.28");
    if (fs.block_size < kLeastBlock)
      problems_.error(at + "/block_size", "ext4 has blocks of 1 KiB and more");
    for (std::size_t i = 0; i < fs.files.size(); ++i)
      if (!fs.files[i].extents.empty())
        problems_.error(child(at, "files") + "/" + std::to_string(i) + "/extents",
                        "stand only with driver ext2");
  }

  // A file system, another on the same device, or on a partition of it, exclude each other.
  void used_once(const FilesystemConfig& fs, const std::string& at) {
    for (const auto& [device, holder] : holders_) {
      const auto own = parent_.find(fs.device), other = parent_.find(device);
      if (device == fs.device || (own != parent_.end() && own->second == device) ||
          (other != parent_.end() && other->second == fs.device))
        problems_.error(at + "/device",
                        shown(fs.device) + " is in use by file system " + shown(holder));
    }
    holders_[fs.device] = fs.name;
  }

  void files(const FilesystemConfig& fs, const std::string& at, std::int64_t fs_blocks) {
    std::set<std::string> names;
    std::vector<Span> on_disk;
    std::int64_t needed = 0;
    for (std::size_t i = 0; i < fs.files.size(); ++i) {
      const FileConfig& f = fs.files[i];
      const std::string file_at = child(at, "files") + "/" + std::to_string(i);
      unique(names, f.name, file_at + "/name");
      if (!problems_.usable(file_at + "/size"))
        continue;
      const std::int64_t blocks = (f.size.count() + fs.block_size - 1) / fs.block_size;
      const bool has_extents = fs.journal;
      if (!has_extents && blocks > Ext2::most_blocks(fs.block_size))
        problems_.error(file_at + "/size",
                        size_text(f.size.count()) +
                            " is more than ext2 maps of a file with blocks of " +
                            std::to_string(fs.block_size) + " bytes, " +
                            size_text(Ext2::most_blocks(fs.block_size) * fs.block_size));
      needed += f.extents.empty() ? blocks + gap_blocks(fs, blocks) : blocks;
      if (f.inode_table_block && *f.inode_table_block >= fs_blocks)
        beyond(file_at + "/inode_table_block", fs_blocks);
      if (f.extents.empty() && !f.indirect.empty())
        problems_.error(file_at + "/indirect_blocks", "stand only together with extents");
      if (!f.extents.empty() && problems_.usable_below(file_at + "/extents", ""))
        extents(fs, f, file_at, fs_blocks, on_disk);
    }
    if (needed > fs_blocks)
      problems_.error(at + "/files", "need " + std::to_string(needed) +
                                         " blocks, with the gaps of gap_size; the device has " +
                                         std::to_string(fs_blocks));
    check_overlap(std::move(on_disk), "the disk blocks", problems_);
  }

  static std::int64_t gap_blocks(const FilesystemConfig& fs, std::int64_t blocks) {
    const bool runs = fs.driver == FsDriver::kExt2 && fs.extent_blocks > 0 && blocks > 0;
    return runs ? (blocks - 1) / fs.extent_blocks * fs.gap_blocks : 0;
  }

  void beyond(const std::string& at, std::int64_t fs_blocks) {
    problems_.error(at,
                    "lies beyond the device, which has " + std::to_string(fs_blocks) + " blocks");
  }

  void extents(const FilesystemConfig& fs, const FileConfig& f, const std::string& at,
               std::int64_t fs_blocks, std::vector<Span>& on_disk) {
    std::int64_t next = 0;
    for (std::size_t i = 0; i < f.extents.size(); ++i) {
      const Extent& e = f.extents[i];
      const std::string here = child(at, "extents") + "/" + std::to_string(i);
      if (e.blocks == 0)
        problems_.error(here, "has no blocks");
      else if (e.file_block != next)
        problems_.error(here, "begins at file block " + std::to_string(e.file_block) +
                                  ", the one before it ends at " + std::to_string(next));
      if (e.disk_block + e.blocks > fs_blocks)
        beyond(here, fs_blocks);
      next = e.file_block + e.blocks;
      on_disk.push_back({e.disk_block, e.blocks, here});
    }
    const std::int64_t size_blocks = (f.size.count() + fs.block_size - 1) / fs.block_size;
    if (next < size_blocks)
      problems_.error(at + "/extents", "hold " + std::to_string(next) + " blocks, the size needs " +
                                           std::to_string(size_blocks));
    for (std::size_t i = 0; i < f.indirect.size(); ++i) {
      const IndirectBlock& b = f.indirect[i];
      const std::string here = child(at, "indirect_blocks") + "/" + std::to_string(i);
      if (b.disk_block >= fs_blocks)
        beyond(here, fs_blocks);
      if (b.file_blocks == 0)
        problems_.error(here, "maps no blocks");
      on_disk.push_back({b.disk_block, 1, here});
    }
  }

  struct Capacity {
    std::int64_t bytes;
    bool known;
  };

  const Scenario& s_;
  Problems& problems_;
  std::set<std::string> block_names_, fs_names_;
  std::map<std::string, Capacity> capacities_;  // of devices and partitions
  std::map<std::string, std::string> parent_;   // partition -> device
  std::map<std::string, std::string> holders_;  // device -> file system
};

}  // namespace

void check_storage(const Scenario& s, Problems& problems) {
  StorageCheck(s, problems).run();
}

}  // namespace wbsim
