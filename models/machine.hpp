// Owns everything of one run; the only file that knows all the others.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "models/scenario.hpp"
#include "models/summary.hpp"
#include "models/trace.hpp"

namespace wbsim {

struct MachineOptions {
  bool shuffle_ties = false;  // test mode of the engine
  bool record_waits = false;  // TraceSink::on_wait()
  // Called now and then with the simulated time since the start of the jobs.
  std::function<void(Duration)> progress;
  const std::atomic<bool>* interrupted = nullptr;
};

struct Interrupted {};

class Machine {
 public:
  Machine(const Scenario& scenario, TraceSink& sink, MachineOptions options = {});
  ~Machine();
  Machine(const Machine&) = delete;

  // Runs the scenario to its end. Throws SimulatedDeadlock, InvariantBroken or Interrupted.
  RunSummary run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wbsim
