// The one description of the scenario file: every key with its kind, default, range and meaning.
#pragma once

#include "app/key_spec.hpp"
#include "app/scenario_file.hpp"

namespace wbsim {

// Bounds of ranges, which several files of the schema share.
constexpr std::int64_t kMiB = std::int64_t{1} << 20, kGiB = kMiB << 10, kTiB = kGiB << 10;
constexpr std::int64_t kMostBytes = kTiB << 10;
constexpr std::int64_t kFastest = 1'000'000'000'000;  // bytes per second
constexpr Duration kDay = std::chrono::hours{24};

// Walks every key in the order of the file. A visitor may change the file on the way.
void describe(KeyVisitor& v, ScenarioFile& file);

void describe_device(KeyVisitor& v, DeviceConfig& device);
void describe_device_hardware(KeyVisitor& v, DeviceConfig& device);  // all but its queue
void describe_cgroup(KeyVisitor& v, CgroupConfig& c);
void describe_filesystem(KeyVisitor& v, FilesystemConfig& fs);
void describe_job(KeyVisitor& v, JobConfig& job);

// The words of the enumerations, in the order of their values.
std::vector<std::string> job_kind_words();
std::vector<std::string> io_engine_words();
std::vector<std::string> random_generator_words();
std::vector<std::string> metadata_words();
std::vector<std::string> priority_class_words();
std::vector<std::string> sched_policy_words();
std::vector<std::string> replay_pace_words();
std::vector<std::string> sched_clock_words();
std::vector<std::string> run_until_words();

// Kernel presets and the policy names that stand for two of them.
std::vector<std::string> kernel_words();

}  // namespace wbsim
