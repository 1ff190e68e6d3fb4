#include "app/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "app/errors.hpp"

namespace wbsim {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;

}  // namespace

OutputFile::OutputFile(std::string path)
    : path_(std::move(path)),
      fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (fd_ < 0)
    throw OutputError("cannot create " + path_ + ": " + std::strerror(errno));
  buffer_.reserve(kBufferSize);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0)
    ::close(fd_);
}

void OutputFile::write(std::string_view text) noexcept {
  while (!text.empty() && error_ == 0) {
    const std::string_view part = text.substr(0, kBufferSize - buffer_.size());
    buffer_.append(part);
    text.remove_prefix(part.size());
    if (buffer_.size() == kBufferSize)
      flush();
  }
}

void OutputFile::flush() noexcept {
  std::string_view rest = buffer_;
  while (!rest.empty() && error_ == 0) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0)
      rest.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      error_ = errno;
  }
  buffer_.clear();
}

void OutputFile::close() {
  flush();
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0 && error_ == 0)
    error_ = errno;
  if (error_ != 0)
    throw OutputError("cannot write " + path_ + ": " + std::strerror(error_));
}

void write_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.close();
}

}  // namespace wbsim
