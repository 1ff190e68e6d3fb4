// Tables that look like those of vmstat 1 and iostat -d -x 1, put together from the samples.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/scenario.hpp"
#include "models/trace.hpp"

namespace wbsim {

// Calls on_second() for each second of the run, with the samples at its two ends.
class SecondsSink : public TraceSink {
 public:
  void on_sample(const Sample& sample) override;
  const std::string& text() const { return text_; }

 protected:
  explicit SecondsSink(std::string heading) : text_(std::move(heading)) {}
  virtual void on_second(const Sample& before, const Sample& now, std::string& text) = 0;

 private:
  std::string text_;
  std::optional<Sample> before_;
};

// procs_blocked, memory in KiB, bi and bo in KiB/s; "-" is what the model does not have.
class VmstatTable : public SecondsSink {
 public:
  VmstatTable();

 private:
  void on_second(const Sample& before, const Sample& now, std::string& text) override;
};

// Rates a second, waits in ms, request sizes in KiB.
class IostatTable : public SecondsSink {
 public:
  explicit IostatTable(const Scenario& scenario);

 private:
  void on_second(const Sample& before, const Sample& now, std::string& text) override;

  std::vector<std::string> devices_;
};

}  // namespace wbsim
