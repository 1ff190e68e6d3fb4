// A large array of address space, backed by memory only where it is touched. Elements start as zero
// bytes and never move, so that 32-bit indices can stand for pointers.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>

namespace wbsim {

template <class T>
class ReservedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit ReservedArray(std::size_t capacity) : bytes_(capacity * sizeof(T)), capacity_(capacity) {
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      throw std::bad_alloc();
    if (bytes_ >= kWorthHugePages)
      madvise(memory, bytes_, MADV_HUGEPAGE);  // a wish: fewer faults and fewer TLB misses
    data_ = static_cast<T*>(memory);
  }
  ~ReservedArray() { munmap(data_, bytes_); }
  ReservedArray(const ReservedArray&) = delete;
  ReservedArray& operator=(const ReservedArray&) = delete;

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::size_t index_of(const T& element) const {
    return static_cast<std::size_t>(&element - data_);
  }
  std::size_t capacity() const { return capacity_; }

 private:
  static constexpr std::size_t kWorthHugePages = std::size_t{8} << 20;

  std::size_t bytes_;
  std::size_t capacity_;
  T* data_;
};

}  // namespace wbsim
