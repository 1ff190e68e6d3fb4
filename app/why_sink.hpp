// Why each call took as long as it did: the waits of a call, each traced to what ended it and to
// what the disk did meanwhile. The parts of a call add up to its latency exactly.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/json.hpp"
#include "app/why_history.hpp"
#include "models/scenario.hpp"

namespace wbsim {

class WhySink : public TraceSink {
 public:
  explicit WhySink(const Scenario& scenario);

  void on_write(const CallRecord& call) override;
  void on_read(const CallRecord& call) override;
  void on_fsync(const FsyncRecord& call) override;
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& request) override;
  void on_wait(const WaitRecord& wait) override;

  // The text of why.json.
  Json json() const;

 private:
  // A kind of waiting; all but the time.
  struct Cause {
    ThrottledBy throttled{};
    std::string_view wait, phase;
    int blocker = -1;
    auto operator<=>(const Cause&) const = default;
  };
  struct Share {
    Duration time{}, age{};  // age: the oldest of the blocker's inode
  };
  using Parts = std::map<Cause, Share>;
  struct Call {
    Duration start, latency;
    Parts parts;
  };
  struct Account {  // the calls of one kind of one writer
    std::int64_t calls = 0;
    Duration latency{};
    Parts parts;
    std::vector<Call> worst;
  };
  enum Kind : std::size_t { kWrite, kRead, kFsync, kKinds };
  struct Writer {
    std::string name;
    Account accounts[kKinds];
    std::vector<WaitRecord> waits;  // since its last call
  };

  void end_call(int writer, Kind kind, Duration latency);
  void explain(const WaitRecord& wait, Parts& parts) const;
  void explain_slot(const WaitRecord& wait, const WhyHistory::Completed& waker, Parts& parts) const;
  void explain_io(const WaitRecord& wait, const WhyHistory::Completed& waker, Parts& parts) const;
  static void add(Parts& parts, const Cause& cause, Duration time, Duration age = {});
  static void keep_if_long(std::vector<Call>& worst, Call call);
  Json parts_json(const Parts& parts) const;

  struct Blocker {
    std::string thread;
    WriteReason reason;
    std::int64_t ino;
    auto operator<=>(const Blocker&) const = default;
  };
  std::map<Blocker, int> blocker_numbers_;
  std::vector<Blocker> blockers_;
  WhyHistory history_;
  std::vector<Writer> writers_;
};

}  // namespace wbsim
