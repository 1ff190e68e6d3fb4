#include "app/run_once.hpp"

#include <nlohmann/json.hpp>

#include "app/csv_sink.hpp"
#include "app/errors.hpp"
#include "app/json_text.hpp"
#include "app/output_file.hpp"
#include "app/replay_file.hpp"
#include "app/scenario_writer.hpp"
#include "app/stop.hpp"
#include "app/summary_json.hpp"
#include "app/version.hpp"
#include "app/why_sink.hpp"
#include "models/machine.hpp"
#include "models/mm/out_of_memory.hpp"
#include "models/trace_fan.hpp"
#include "models/workload/latency.hpp"
#include "sim/assert.hpp"
#include "sim/simulator.hpp"

namespace wbsim {
namespace {

// Keeps the latencies of all writers together.
class LatencyCollector : public TraceSink {
 public:
  void on_write(const CallRecord& c) override { writes_.add(c.latency); }
  void on_fsync(const FsyncRecord& f) override { fsyncs_.add(f.latency); }

  AggregateLatency statistics() const { return {writes_.summary(), fsyncs_.summary()}; }

 private:
  LatencyRecorder writes_, fsyncs_;
};

std::string fnv1a64(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  std::string hex(16, '0');
  for (std::size_t i = hex.size(); i-- > 0; hash >>= 4)
    hex[i] = "0123456789abcdef"[hash & 15];
  return hex;
}

std::string replay_hash(const ReplayConfig& replay) {
  std::string text;
  for (const ReplayOp& op : replay.ops)
    text += replay_line("", op, replay.files.empty() ? "" : replay.files[op.file]) + "\n";
  return fnv1a64(text);
}

Json manifest_json(const ScenarioFile& file) {
  Json scenario = resolved_json(file);
  Json j;
  j["program"] = "wbsim";
  j["version"] = program_version();
  j["scenario_hash"] = fnv1a64(json_text(scenario));
  j["seed"] = file.scenario.run.seed;
  j["kernel"] = file.scenario.kernel.preset;
  for (const ReplayConfig& replay : file.scenario.replays)
    j["replays"][replay.name] = replay_hash(replay);
  j["scenario"] = std::move(scenario);
  return j;
}

RunSummary simulate(const ScenarioFile& file, const RunOptions& options, TraceSink& sink) {
  MachineOptions machine_options;
  machine_options.record_waits = options.directory.has_value();
  machine_options.progress = options.progress;
  machine_options.interrupted = &stop_requested();
  const std::string name = file.scenario.name + " on " + options.name + ": ";
  try {
    Machine machine(file.scenario, sink, machine_options);
    RunSummary summary = machine.run();
    if (stop_requested())
      throw Interrupted{};
    return summary;
  } catch (const SimulatedDeadlock& e) {
    throw SimulationBroken(name + "simulated deadlock: " + e.what());
  } catch (const OutOfMemory& e) {
    throw SimulationBroken(name + "the simulated machine is out of memory: " + e.what());
  } catch (const InvariantBroken& e) {
    throw SimulationBroken(name + "broken invariant: " + e.what());
  }
}

}  // namespace

RunOutcome run_once(const ScenarioFile& file, const RunOptions& options) {
  LatencyCollector collector;
  FioRates rates(writer_names(file.scenario).size());
  std::vector<std::unique_ptr<OutputSink>> outputs;
  if (options.directory) {
    outputs = make_trace_sinks(file.scenario, *options.directory, options.trace);
    outputs.push_back(
        std::make_unique<CsvSink>(file.scenario, CsvOptions{*options.directory, options.calls}));
  }
  std::vector<TraceSink*> sinks = {&collector, &rates};
  sinks.insert(sinks.end(), options.listeners.begin(), options.listeners.end());
  for (const auto& output : outputs)
    sinks.push_back(output.get());
  std::optional<WhySink> why;
  if (options.directory)
    sinks.push_back(&why.emplace(file.scenario));
  TraceFan fan(std::move(sinks));
  RunSummary run;
  try {
    run = simulate(file, options, fan);
  } catch (const Interrupted&) {
    // A full disk stops the run the way Ctrl-C does; close() says which it was.
    for (const auto& output : outputs) {
      if (output->failed())
        output->close();
    }
    throw;
  }
  RunOutcome outcome;
  outcome.preset = file.scenario.kernel.preset;
  outcome.summary = summary_json(file.scenario, run, collector.statistics(), rates);
  outcome.expect = check_single(file.expect, {options.name, outcome.preset, &outcome.summary});
  outcome.summary["expect"] = expect_json(outcome.expect);
  for (const auto& output : outputs)
    output->close();
  if (options.directory) {
    write_file(*options.directory + "/summary.json", json_text(outcome.summary));
    write_file(*options.directory + "/why.json", json_text(why->json()));
    write_file(*options.directory + "/manifest.json", json_text(manifest_json(file)));
  }
  return outcome;
}

}  // namespace wbsim
