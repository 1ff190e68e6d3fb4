// A sink that writes files while the run goes on, in bounded memory.
#pragma once

#include "models/trace.hpp"

namespace wbsim {

class OutputSink : public TraceSink {
 public:
  // A write failed; the run has been asked to stop.
  virtual bool failed() const = 0;
  // Writes what is left. Throws OutputError for the first file that could not be written.
  virtual void close() = 0;
};

}  // namespace wbsim
