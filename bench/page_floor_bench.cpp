// The floor under the life of a page: what dirtying, scanning, the three passes and the completion
// cost in plain C++, with no simulator around them. Pages of 48 bytes with 32-bit links, a
// two-level index with tag bitmaps, everything bump-allocated.
//
// ratios.py divides wbsim/page/BUFFERS by floor/page/BUFFERS.
#include <benchmark/benchmark.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

constexpr std::uint32_t kPages = 1'000'000;
constexpr std::uint32_t kPagesPerRequest = 128;

enum PageFlag : std::uint32_t { kDirty = 1, kWriteback = 2, kLocked = 4, kUptodate = 8 };
enum BufferState : std::uint8_t {
  kBufferDirty = 1,
  kBufferMapped = 2,
  kBufferLocked = 4,
  kBufferAsyncWrite = 8,
  kBufferUptodate = 16,
};

struct Page {
  std::uint32_t index;
  std::uint32_t flags;
  std::uint32_t mapping;
  std::uint32_t older;  // neighbours on the list of pages by age
  std::uint32_t newer;
  std::uint32_t buffers;
  std::uint8_t state[8];
  std::uint64_t first_block;
  std::uint32_t underway;
  std::uint32_t generation;
};
static_assert(sizeof(Page) == 48);

struct Leaf {
  std::uint32_t page[64];
  std::uint64_t dirty;
  std::uint64_t writeback;
};

struct Request {
  std::uint64_t first_block = 0;
  std::uint64_t blocks = 0;
  std::uint32_t first_page = 0;
  std::uint32_t pages = 0;
};

class PageFloor {
 public:
  explicit PageFloor(std::uint32_t buffers)
      : buffers_(buffers), pages_(kPages + 1), leaves_(kPages / 64 + 1) {
    dirty_leaves_.resize(leaves_.size() / 64 + 1);
  }

  void forget_everything() { used_pages_ = used_leaves_ = oldest_ = newest_ = 0; }
  void dirty(std::uint32_t index);
  void write_back();
  std::uint64_t written() const { return written_; }
  double bytes_per_page() const {
    return double(pages_.size() * sizeof(Page) + leaves_.size() * sizeof(Leaf) +
                  dirty_leaves_.size() * 8) /
           kPages;
  }

 private:
  std::uint32_t find_or_create(std::uint32_t index);
  void write_page(std::uint32_t number, Request& request);
  void complete(const Request& request);

  std::uint32_t buffers_;
  std::vector<Page> pages_;  // number 0 stands for none
  std::vector<Leaf> leaves_;
  std::vector<std::uint64_t> dirty_leaves_;
  std::uint32_t used_pages_ = 0;
  std::uint32_t used_leaves_ = 0;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
  std::uint64_t nr_dirty_ = 0;
  std::uint64_t nr_writeback_ = 0;
  std::uint64_t written_ = 0;
};

std::uint32_t PageFloor::find_or_create(std::uint32_t index) {
  const std::uint32_t leaf = index / 64;
  for (; used_leaves_ <= leaf; ++used_leaves_)
    leaves_[used_leaves_] = Leaf{};
  std::uint32_t& number = leaves_[leaf].page[index % 64];
  if (number == 0) {
    number = ++used_pages_;
    pages_[number] = Page{};
    Page& page = pages_[number];
    page.index = index;
    page.buffers = buffers_;
    page.first_block = std::uint64_t{index} * buffers_;
    page.older = newest_;
    if (newest_ != 0)
      pages_[newest_].newer = number;
    else
      oldest_ = number;
    newest_ = number;
  }
  return number;
}

void PageFloor::dirty(std::uint32_t index) {
  Page& page = pages_[find_or_create(index)];
  for (std::uint32_t i = 0; i < page.buffers; ++i)
    page.state[i] |= kBufferDirty | kBufferMapped | kBufferUptodate;
  if ((page.flags & kDirty) != 0)
    return;
  page.flags |= kDirty | kUptodate;
  leaves_[index / 64].dirty |= std::uint64_t{1} << (index % 64);
  dirty_leaves_[index / 64 / 64] |= std::uint64_t{1} << (index / 64 % 64);
  ++nr_dirty_;
}

// block_write_full_page: map, lock and mark, submit.
void PageFloor::write_page(std::uint32_t number, Request& request) {
  Page& page = pages_[number];
  page.flags = (page.flags | kLocked) & ~kDirty;
  --nr_dirty_;
  for (std::uint32_t i = 0; i < page.buffers; ++i)
    if ((page.state[i] & (kBufferDirty | kBufferMapped)) == kBufferDirty)
      page.state[i] |= kBufferMapped;
  for (std::uint32_t i = 0; i < page.buffers; ++i) {
    if ((page.state[i] & kBufferMapped) == 0 || (page.state[i] & kBufferLocked) != 0)
      continue;
    if ((page.state[i] & kBufferDirty) != 0)
      page.state[i] = static_cast<std::uint8_t>((page.state[i] & ~kBufferDirty) | kBufferLocked |
                                                kBufferAsyncWrite);
  }
  Leaf& leaf = leaves_[page.index / 64];
  leaf.dirty &= ~(std::uint64_t{1} << (page.index % 64));
  leaf.writeback |= std::uint64_t{1} << (page.index % 64);
  page.flags |= kWriteback;
  ++nr_writeback_;
  if (request.pages == 0)
    request = {page.first_block, 0, number, 0};
  for (std::uint32_t i = 0; i < page.buffers; ++i) {
    if ((page.state[i] & kBufferAsyncWrite) == 0)
      continue;
    ++page.underway;
    if (request.first_block + request.blocks == page.first_block + i)
      ++request.blocks;
  }
  ++request.pages;
  page.flags &= ~kLocked;
}

// end_buffer_async_write for each buffer, end_page_writeback with the last one.
void PageFloor::complete(const Request& request) {
  for (std::uint32_t number = request.first_page; number < request.first_page + request.pages;
       ++number) {
    Page& page = pages_[number];
    for (std::uint32_t i = 0; i < page.buffers; ++i) {
      if ((page.state[i] & kBufferAsyncWrite) == 0)
        continue;
      page.state[i] =
          static_cast<std::uint8_t>(page.state[i] & ~(kBufferAsyncWrite | kBufferLocked));
      if (--page.underway > 0)
        continue;
      page.flags &= ~kWriteback;
      leaves_[page.index / 64].writeback &= ~(std::uint64_t{1} << (page.index % 64));
      --nr_writeback_;
      ++written_;
    }
  }
}

void PageFloor::write_back() {
  Request request;
  for (std::size_t word = 0; word < dirty_leaves_.size(); ++word) {
    for (; dirty_leaves_[word] != 0; dirty_leaves_[word] &= dirty_leaves_[word] - 1) {
      const Leaf& leaf =
          leaves_[word * 64 + static_cast<std::size_t>(std::countr_zero(dirty_leaves_[word]))];
      while (leaf.dirty != 0) {
        write_page(leaf.page[std::countr_zero(leaf.dirty)], request);
        if (request.pages < kPagesPerRequest)
          continue;
        complete(request);
        request.pages = 0;
      }
    }
  }
  complete(request);
}

void floor_page(benchmark::State& state) {
  PageFloor floor(static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) {
    floor.forget_everything();
    for (std::uint32_t index = 0; index < kPages; ++index)
      floor.dirty(index);
    floor.write_back();
  }
  if (floor.written() != static_cast<std::uint64_t>(state.iterations()) * kPages)
    state.SkipWithError("not every page was written");
  state.SetItemsProcessed(state.iterations() * kPages);
  state.counters["bytes_per_page"] = floor.bytes_per_page();
}

BENCHMARK(floor_page)->Name("floor/page")->Arg(4)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
