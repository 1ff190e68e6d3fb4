// A file that is written from front to back, through a buffer. A write error is kept until close().
#pragma once

#include <string>
#include <string_view>

namespace wbsim {

class OutputFile {
 public:
  // Throws OutputError when the file cannot be created.
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Never throws: it is called from inside a simulation.
  void write(std::string_view text) noexcept;
  bool failed() const { return error_ != 0; }
  // Throws OutputError if this or any earlier write failed.
  void close();

 private:
  void flush() noexcept;

  std::string path_;
  std::string buffer_;
  int fd_;
  int error_ = 0;
};

// The whole file at once.
void write_file(const std::string& path, std::string_view text);

}  // namespace wbsim
