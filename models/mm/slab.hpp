// Kernel objects of one size: the pages they fill, and how often an allocation finds none at hand.
#pragma once

#include <cstdint>

namespace wbsim {

// Objects that are fetched so many at a time, by the allocation that finds none left.
class Batches {
 public:
  explicit Batches(std::int64_t size) : size_(size), at_hand_(size) {}
  // Returns how many batches the allocation of n objects had to fetch.
  int allocate(std::int64_t n) {
    int fetched = 0;
    for (at_hand_ -= n; at_hand_ < 0; at_hand_ += size_)
      ++fetched;
    return fetched;
  }

 private:
  std::int64_t size_;
  std::int64_t at_hand_;
};

// Objects that are collected and passed on so many at a time, by the one that fills a vector.
class Vector {
 public:
  explicit Vector(std::int64_t size) : size_(size) {}
  // Returns how often n objects filled it.
  std::int64_t add(std::int64_t n) {
    held_ += n;
    const std::int64_t filled = held_ / size_;
    held_ %= size_;
    return filled;
  }

 private:
  std::int64_t size_;
  std::int64_t held_ = 0;
};

// Objects of which `per_page` fill a page.
class SlabPages {
 public:
  explicit SlabPages(std::int64_t per_page) : per_page_(per_page) {}
  // Returns how many more pages n more objects take.
  std::int64_t add(std::int64_t n) {
    const std::int64_t before = pages_;
    objects_ += n;
    for (; objects_ > room_; room_ += per_page_)
      ++pages_;
    return pages_ - before;
  }
  // Returns how many pages are empty without them.
  std::int64_t remove(std::int64_t n) {
    const std::int64_t before = pages_;
    objects_ -= n;
    for (; objects_ <= room_ - per_page_; room_ -= per_page_)
      --pages_;
    return before - pages_;
  }
  std::int64_t objects() const { return objects_; }
  std::int64_t pages() const { return pages_; }

 private:
  std::int64_t per_page_;
  std::int64_t objects_ = 0;
  std::int64_t pages_ = 0;
  std::int64_t room_ = 0;  // for objects in these pages
};

// A slab is a batch: of a page, unless it is of several.
class Slab : public SlabPages {
 public:
  explicit Slab(std::int64_t per_page) : Slab(per_page, per_page) {}
  Slab(std::int64_t per_page, std::int64_t batch) : SlabPages(per_page), batches_(batch) {}
  int allocate(std::int64_t n) {
    add(n);
    return batches_.allocate(n);
  }

 private:
  Batches batches_;
};

}  // namespace wbsim
