// What happened when, in the order in which it happened: the tests of the engine compare journals.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "sim/simulator.hpp"

namespace wbsim::testing {

constexpr TimePoint at_ns(std::int64_t ns) {
  return TimePoint(Duration(ns));
}

class Journal {
 public:
  explicit Journal(Simulator& sim) : sim_(sim) {}

  void note(const std::string& what) {
    lines_.push_back(std::to_string(sim_.now().time_since_epoch().count()) + " " + what);
  }
  // An event that notes `what` when it runs.
  EventQueue::Handle note_at(TimePoint when, const std::string& what, Band band = Band::kNormal) {
    notes_.push_back({this, what});
    return sim_.at(when, {&Journal::run, &notes_.back(), 0}, band);
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  struct Note {
    Journal* journal;
    std::string what;
  };
  static void run(void* context, std::uint64_t) {
    const auto& note = *static_cast<const Note*>(context);
    note.journal->note(note.what);
  }

  Simulator& sim_;
  std::deque<Note> notes_;  // they do not move
  std::vector<std::string> lines_;
};

using Lines = std::vector<std::string>;

}  // namespace wbsim::testing
