// The metadata buffers that belong to a file, by number: mapping->private_list.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace wbsim {

class PrivateList {
 public:
  bool empty() const { return first_ == buffers_.size(); }
  void push_back(std::uint64_t buffer) { buffers_.push_back(buffer); }
  std::uint64_t pop_front() {
    const std::uint64_t buffer = buffers_[first_++];
    if (empty()) {
      buffers_.clear();
      first_ = 0;
    }
    return buffer;
  }
  std::span<const std::uint64_t> all() const { return std::span(buffers_).subspan(first_); }

 private:
  std::vector<std::uint64_t> buffers_;
  std::size_t first_ = 0;  // those before it have left
};

}  // namespace wbsim
