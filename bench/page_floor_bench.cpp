// The floor under the life of a page: what dirtying, scanning, the three passes and the completion
// cost in plain C++, with no simulator around them. Pages of 48 bytes with 32-bit links, a
// two-level index with tag bitmaps, everything bump-allocated.
//
// Nothing is in the cache by accident: a million pages are 52 MB, they are written in another sweep
// than they are dirtied in, and a request completes when 128 more have been submitted, as a full
// queue makes it. floor/page uses memory that was used before, floor/page@first_touch takes
// it from the kernel.
//
// ratios.py divides wbsim/page/BUFFERS by floor/page/BUFFERS, and @first_touch likewise.
#include <benchmark/benchmark.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace {

constexpr std::uint32_t kPages = 1'000'000;
constexpr std::uint32_t kLeaves = kPages / 64 + 1;
constexpr std::uint32_t kPagesPerRequest = 128;
constexpr std::size_t kRequestsInFlight = 128;

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
  std::uint64_t unused;
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

// Zeroed, and not touched before it is used.
template <class T>
class FreshArray {
 public:
  explicit FreshArray(std::size_t size) : data_(static_cast<T*>(std::calloc(size, sizeof(T)))) {}
  T& operator[](std::size_t i) { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Free> data_;
};

class PageFloor {
 public:
  explicit PageFloor(std::uint32_t buffers) : buffers_(buffers) {}

  void forget_everything() { used_pages_ = used_leaves_ = oldest_ = newest_ = 0; }
  void dirty(std::uint32_t index);
  void write_back();
  void live_once() {
    for (std::uint32_t index = 0; index < kPages; ++index)
      dirty(index);
    write_back();
  }
  std::uint64_t written() const { return written_; }
  static double bytes_per_page() {
    return double(kPages * sizeof(Page) + kLeaves * sizeof(Leaf) + kLeaves / 8) / kPages;
  }

 private:
  std::uint32_t find_or_create(std::uint32_t index);
  void map_lock_and_mark(Page& page);
  void write_page(std::uint32_t number);
  void submit();
  void complete(const Request& request);
  bool any_async_write(const Page& page) const;

  std::uint32_t buffers_;
  FreshArray<Page> pages_{kPages + 1};  // number 0 stands for none
  FreshArray<Leaf> leaves_{kLeaves};
  FreshArray<std::uint64_t> dirty_leaves_{kLeaves / 64 + 1};
  std::uint32_t used_pages_ = 0;
  std::uint32_t used_leaves_ = 0;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
  Request request_;  // that pages are added to
  std::array<Request, kRequestsInFlight> in_flight_;
  std::size_t submitted_ = 0;
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

void PageFloor::map_lock_and_mark(Page& page) {
  for (std::uint32_t i = 0; i < page.buffers; ++i)
    if ((page.state[i] & (kBufferDirty | kBufferMapped)) == kBufferDirty)
      page.state[i] |= kBufferMapped;
  for (std::uint32_t i = 0; i < page.buffers; ++i) {
    if ((page.state[i] & kBufferMapped) == 0 || (page.state[i] & kBufferLocked) != 0)
      continue;
    if ((page.state[i] & kBufferDirty) == 0)
      continue;
    page.state[i] = static_cast<std::uint8_t>((page.state[i] & ~kBufferDirty) | kBufferLocked |
                                              kBufferAsyncWrite);
  }
}

// block_write_full_page: map, lock and mark, submit.
void PageFloor::write_page(std::uint32_t number) {
  Page& page = pages_[number];
  page.flags = (page.flags | kLocked) & ~kDirty;
  --nr_dirty_;
  map_lock_and_mark(page);
  Leaf& leaf = leaves_[page.index / 64];
  leaf.dirty &= ~(std::uint64_t{1} << (page.index % 64));
  leaf.writeback |= std::uint64_t{1} << (page.index % 64);
  page.flags |= kWriteback;
  ++nr_writeback_;
  if (request_.pages == 0)
    request_ = {page.first_block, 0, number, 0};
  for (std::uint32_t i = 0; i < page.buffers; ++i)
    if ((page.state[i] & kBufferAsyncWrite) != 0 &&
        request_.first_block + request_.blocks == page.first_block + i)
      ++request_.blocks;
  if (++request_.pages == kPagesPerRequest)
    submit();
  page.flags &= ~kLocked;
}

// The queue is full when as many requests are under way as it holds: the oldest one completes.
void PageFloor::submit() {
  Request& slot = in_flight_[submitted_++ % kRequestsInFlight];
  complete(slot);
  slot = request_;
  request_ = {};
}

bool PageFloor::any_async_write(const Page& page) const {
  for (std::uint32_t i = 0; i < page.buffers; ++i)
    if ((page.state[i] & kBufferAsyncWrite) != 0)
      return true;
  return false;
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
      if (any_async_write(page))
        continue;
      page.flags &= ~kWriteback;
      leaves_[page.index / 64].writeback &= ~(std::uint64_t{1} << (page.index % 64));
      --nr_writeback_;
      ++written_;
    }
  }
}

void PageFloor::write_back() {
  for (std::size_t word = 0; word < kLeaves / 64 + 1; ++word) {
    for (; dirty_leaves_[word] != 0; dirty_leaves_[word] &= dirty_leaves_[word] - 1) {
      const Leaf& leaf =
          leaves_[word * 64 + static_cast<std::size_t>(std::countr_zero(dirty_leaves_[word]))];
      while (leaf.dirty != 0)
        write_page(leaf.page[std::countr_zero(leaf.dirty)]);
    }
  }
  submit();
  for (Request& request : in_flight_) {
    complete(request);
    request = {};
  }
}

void finish(benchmark::State& state, std::uint64_t written) {
  if (written != static_cast<std::uint64_t>(state.iterations()) * kPages)
    state.SkipWithError("not every page was written");
  state.SetItemsProcessed(state.iterations() * kPages);
  state.counters["bytes_per_page"] = PageFloor::bytes_per_page();
}

void floor_page(benchmark::State& state) {
  PageFloor floor(static_cast<std::uint32_t>(state.range(0)));
  floor.live_once();
  const std::uint64_t before = floor.written();
  for (auto _ : state) {
    floor.forget_everything();
    floor.live_once();
  }
  finish(state, floor.written() - before);
}

void floor_page_first_touch(benchmark::State& state) {
  std::uint64_t written = 0;
  for (auto _ : state) {
    auto floor = std::make_unique<PageFloor>(static_cast<std::uint32_t>(state.range(0)));
    floor->live_once();
    state.PauseTiming();
    written += floor->written();
    floor.reset();
    state.ResumeTiming();
  }
  finish(state, written);
}

BENCHMARK(floor_page)->Name("floor/page")->Arg(4)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(floor_page_first_touch)
    ->Name("floor/page@first_touch")
    ->Arg(4)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
