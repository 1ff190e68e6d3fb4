#include "models/device/write_cache.hpp"

#include <iterator>

#include "sim/assert.hpp"

namespace wbsim {

void WriteCache::add(Sectors start, Sectors length) {
  Sectors end = start + length;
  auto it = extents_.upper_bound(start);
  if (it != extents_.begin() && std::prev(it)->second >= start)
    --it;
  while (it != extents_.end() && it->first <= end) {
    start = std::min(start, it->first);
    end = std::max(end, it->second);
    size_ -= it->second - it->first;
    it = extents_.erase(it);
  }
  extents_.emplace_hint(it, start, end);
  size_ += end - start;
}

WriteCache::Extent WriteCache::take(Sectors start, Sectors longest) {
  const auto it = extents_.find(start);
  WB_ASSERT(it != extents_.end());
  const Sectors end = it->second;
  const Extent taken{start, std::min(end - start, longest)};
  auto node = extents_.extract(it);
  if (taken.end() < end) {
    node.key() = taken.end();
    extents_.insert(std::move(node));
  }
  size_ -= taken.length;
  return taken;
}

}  // namespace wbsim
