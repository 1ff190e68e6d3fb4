// `wbsim run --narrate`: what a tiny scenario does, step by step, as lines of prose.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/kernel_version.hpp"
#include "app/task_ids.hpp"
#include "models/scenario.hpp"
#include "models/trace.hpp"

namespace wbsim {

class Narrator : public TraceSink {
 public:
  static constexpr int kMostLines = 66;  // a page

  Narrator(const Scenario& scenario, const std::string& description);

  // More happens than fits a page; the run has been asked to stop.
  bool too_long() const { return lines_ > kMostLines; }
  Duration told_until() const { return last_; }
  std::string text() const;

  bool wants_page_events() const override { return true; }
  bool wants_inode_lists() const override { return true; }
  void on_write(const CallRecord& call) override;
  void on_read(const CallRecord& call) override;
  void on_fsync(const FsyncRecord& call) override;
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& request) override;
  void on_page(const PageEvent& event) override;
  void on_buffer_cache(const BufferCacheEvent& event) override;
  void on_inode(const InodeEvent& event) override;
  void on_writeback_queue_io(const WritebackQueueIoEvent& event) override;
  void on_writeback_single_inode(const WritebackSingleInodeEvent& event) override;

 private:
  struct InodeName {
    int bdi;
    std::uint64_t ino;
    bool block_device;
    auto operator<=>(const InodeName&) const = default;
  };
  struct PageName {
    InodeName inode;
    std::uint64_t index;
    auto operator<=>(const PageName&) const = default;
  };
  using Buffers = std::vector<BufferView>;

  void say(Duration time, std::string_view thread, const std::string& words);
  void put_words(std::string head, std::string_view words);
  void put_line(const std::string& line);
  void call(const char* what, const CallRecord& call);
  std::string name(const InodeName& inode) const;
  std::string name(const PageName& page) const;
  std::string list_name(std::string_view list) const;
  std::string inodes(std::span<const DirtyInodeView> list, Duration now) const;
  static std::string row(std::span<const BufferView> buffers);
  void pass(const PageEvent& event, const PageName& page);
  static std::string pass_1(const Buffers& before, const PageEvent& event);
  static std::string pass_2(const Buffers& before, const PageEvent& event);
  static std::string pass_3(const PageEvent& event);

  const Scenario scenario_;
  const KernelVersion version_;
  TaskIds tasks_;
  TickClock ticks_;
  std::vector<std::string> writers_, block_devices_;
  std::vector<bool> maps_;               // whether the writer works through a mapping
  std::map<PageName, Buffers> in_work_;  // pages on their way through block_write_full_page()
  std::map<InodeName, std::int64_t> wrote_;
  std::string text_;
  int lines_ = 0;
  Duration last_{};
};

}  // namespace wbsim
