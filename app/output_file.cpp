#include "app/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "app/errors.hpp"
#include "app/stop.hpp"

namespace wbsim {

OutputFile::OutputFile(std::string path, std::size_t buffer_size,
                       std::unique_ptr<Compressor> compressor)
    : path_(std::move(path)), buffer_size_(buffer_size), compressor_(std::move(compressor)) {
  buffer_.reserve(buffer_size_);
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0 || ::close(fd) != 0)
    throw OutputError("cannot create " + path_ + ": " + std::strerror(errno));
}

void OutputFile::write(std::string_view text) noexcept {
  while (!text.empty() && error_ == 0) {
    const std::string_view part = text.substr(0, buffer_size_ - buffer_.size());
    buffer_.append(part);
    text.remove_prefix(part.size());
    if (buffer_.size() == buffer_size_)
      flush(/*last=*/false);
  }
}

void OutputFile::flush(bool last) noexcept {
  append(compressor_ ? compressor_->compress(buffer_, last) : buffer_);
  buffer_.clear();
  if (error_ != 0)
    request_stop();
}

void OutputFile::append(std::string_view bytes) noexcept {
  if (bytes.empty() || error_ != 0)
    return;
  const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) {
    error_ = errno;
    return;
  }
  while (!bytes.empty() && error_ == 0) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      error_ = errno;
  }
  if (::close(fd) != 0 && error_ == 0)
    error_ = errno;
}

void OutputFile::close() {
  flush(/*last=*/true);
  if (error_ != 0)
    throw OutputError("cannot write " + path_ + ": " + std::strerror(error_));
}

void write_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.close();
}

}  // namespace wbsim
