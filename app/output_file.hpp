// A file that is written from front to back, through a buffer. A write error is kept until close(),
// and asks the run to stop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace wbsim {

class Compressor {
 public:
  virtual ~Compressor() = default;
  // What has become of the text so far; `last`: nothing follows.
  virtual std::string_view compress(std::string_view text, bool last) = 0;
};

class OutputFile {
 public:
  static constexpr std::size_t kBufferSize = 256 * 1024;

  // Throws OutputError when the file cannot be created. The file is open only while the buffer is
  // written to it, so that a run may have more files than descriptors.
  explicit OutputFile(std::string path, std::size_t buffer_size = kBufferSize,
                      std::unique_ptr<Compressor> compressor = nullptr);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Never throws: it is called from inside a simulation.
  void write(std::string_view text) noexcept;
  bool failed() const { return error_ != 0; }
  // Throws OutputError if this or any earlier write failed.
  void close();

 private:
  void flush(bool last) noexcept;
  void append(std::string_view bytes) noexcept;

  std::string path_;
  std::string buffer_;
  std::size_t buffer_size_;
  std::unique_ptr<Compressor> compressor_;
  int error_ = 0;
};

// The whole file at once.
void write_file(const std::string& path, std::string_view text);

}  // namespace wbsim
