// Makes the lists of the 2.4 buffer cache readable in tests: "7 9 8", by block number.
#pragma once

#include <string>

#include "models/fs/buffer24_cache.hpp"

namespace wbsim::v24 {

template <class List>
std::string blocks(const List& list) {
  std::string text;
  for (const BufferHead& bh : list)
    text += (text.empty() ? "" : " ") + std::to_string(bh.b_blocknr);
  return text;
}

// The offsets in their pages, "0 1024", and of which page: "a0 a1 b0".
template <class List>
std::string places(const List& list, const Page& a) {
  std::string text;
  for (const BufferHead& bh : list) {
    text += text.empty() ? "" : " ";
    text += bh.b_page == &a ? "a" : "b";
    int number = 0;
    for (const BufferHead* other = &bh; other->b_id != bh.b_page->buffers;
         other = other->b_this_page)
      ++number;
    const int per_page = static_cast<int>(kPageSize / bh.b_size);
    text += std::to_string((per_page - number) % per_page);
  }
  return text;
}

}  // namespace wbsim::v24
