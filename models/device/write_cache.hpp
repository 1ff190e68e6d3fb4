// What a drive holds in its volatile write cache: ranges of sectors, joined where they touch.
#pragma once

#include <algorithm>
#include <map>

#include "sim/units.hpp"

namespace wbsim {

class WriteCache {
 public:
  explicit WriteCache(Sectors capacity) : capacity_(capacity) {}

  struct Extent {
    Sectors start, length;
    Sectors end() const { return start + length; }
    bool empty() const { return length == Sectors(0); }
  };

  bool empty() const { return extents_.empty(); }
  Sectors size() const { return size_; }
  bool has_room(Sectors length) const { return empty() || size_ + length <= capacity_; }
  // Overwrites what it has of the range.
  void add(Sectors start, Sectors length);
  // Calls f(extent) for at most n extents, from `position` on and then from the first.
  template <class F>
  void for_some(Sectors position, int n, F f) const {
    auto it = extents_.lower_bound(position);
    const auto count = std::min(static_cast<std::size_t>(n), extents_.size());
    for (std::size_t i = 0; i < count; ++i, ++it) {
      if (it == extents_.end())
        it = extents_.begin();
      f(Extent{it->first, it->second - it->first});
    }
  }
  // Takes out the extent that begins here; at most `longest` of it.
  Extent take(Sectors start, Sectors longest);
  // Calls f(start, length) for each part of the range that is not in the cache.
  template <class F>
  void for_each_gap(Extent range, F f) const {
    Sectors at = range.start;
    auto it = extents_.upper_bound(range.start);
    if (it != extents_.begin())
      --it;
    for (; it != extents_.end() && it->first < range.end(); ++it) {
      if (it->first > at)
        f(at, it->first - at);
      at = std::max(at, it->second);
    }
    if (at < range.end())
      f(at, range.end() - at);
  }

 private:
  Sectors capacity_, size_;
  std::map<Sectors, Sectors> extents_;  // start -> end
};

}  // namespace wbsim
