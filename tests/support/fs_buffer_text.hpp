// Buffers in the notation of the tests' tables: flags, and the disk block of a mapped one, as in
// "UDM@100". U uptodate, D dirty, M mapped, L locked, R submitted before (Req), N new, E write
// error, Y delayed allocation, W unwritten, B boundary, a async write, r async read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/fs_fixture.hpp"

namespace wbsim {

inline constexpr std::pair<char, BufferState> kBufferLetters[] = {
    {'U', BH_Uptodate},  {'D', BH_Dirty},    {'M', BH_Mapped},      {'L', BH_Lock},
    {'R', BH_Req},       {'N', BH_New},      {'E', BH_Write_EIO},   {'Y', BH_Delay},
    {'W', BH_Unwritten}, {'B', BH_Boundary}, {'a', BH_Async_Write}, {'r', BH_Async_Read},
};

inline unsigned buffer_state(std::string_view flags) {
  unsigned state = 0;
  for (const char letter : flags) {
    unsigned bit = 0;
    for (const auto& [name, flag] : kBufferLetters)
      bit |= name == letter ? unsigned{flag} : 0U;
    WB_ASSERT(bit != 0);
    state |= bit;
  }
  return state;
}

inline std::string to_text(const BufferHead& bh) {
  std::string text;
  for (const auto& [letter, flag] : kBufferLetters)
    if (bh.test(flag))
      text += letter;
  if (bh.test(BH_Mapped))
    text += "@" + std::to_string(bh.b_blocknr());
  return text;
}

using Texts = std::vector<std::string>;

inline Texts buffers_of(FsFixture& f, const Page& page) {
  Texts texts;
  for_each_buffer(f.vfs, page, [&](const BufferHead& bh) { texts.push_back(to_text(bh)); });
  return texts;
}

inline void set_buffer(BufferHead& bh, std::string_view text) {
  const auto at = text.find('@');
  bh.set_blocknr(-1);
  if (at != text.npos)
    bh.map_to(std::stoll(std::string(text.substr(at + 1))));
  bh.clear(0xffff);
  bh.set(buffer_state(text.substr(0, at)));
}

// A page with these buffers; it is uptodate if all are, and dirty if one is.
inline Page& add_page(FsFixture& f, PageIndex index, const Texts& buffers) {
  Page& page = f.add_page(index);
  create_empty_buffers(f.vfs, page, f.file.block_size(), 0);
  unsigned all = ~0U;
  unsigned any = 0;
  for (int i = 0; i < f.blocks_per_page(); ++i) {
    BufferHead& bh = f.buffer(page, i);
    set_buffer(bh, buffers.at(static_cast<std::size_t>(i)));
    all &= bh.b_state();
    any |= bh.b_state();
  }
  if ((all & BH_Uptodate) != 0)
    page.set(PG_uptodate);
  if ((any & BH_Dirty) != 0)
    f.cache.set_page_dirty(page, nullptr);
  return page;
}

}  // namespace wbsim
