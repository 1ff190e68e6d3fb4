// Bios of the file side, and their pool: one buffer each, or a run of whole pages.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "models/block/bio.hpp"
#include "models/mm/memory_use.hpp"
#include "models/mm/page.hpp"
#include "sim/assert.hpp"

namespace wbsim {

// With `cookie` set it is the BufferId of the one buffer; otherwise it carries `pages`, a segment
// each.
struct alignas(64) FileBio : Bio {
  bool carries_pages = false;
  union {
    PageId* pages = nullptr;  // room for kBioMaxPages
    Slub::SlabId slab;        // of one of a buffer, where memory of bios is counted
  };

  std::span<const PageId> page_span() const {
    WB_ASSERT(carries_pages);
    return {pages, segments};
  }
};
static_assert(sizeof(FileBio) == 64);  // a cache line

inline constexpr int kBioMaxPages = 256;

// Bios waiting to be submitted, in order.
class BioList {
 public:
  bool empty() const { return !head_; }
  void push_back(FileBio& bio) {
    bio.bi_next = nullptr;
    (head_ ? tail_->bi_next : head_) = &bio;
    tail_ = &bio;
  }
  void push_front(FileBio& bio) {
    bio.bi_next = head_;
    if (!head_)
      tail_ = &bio;
    head_ = &bio;
  }
  FileBio& pop_front() {
    Bio& first = *head_;
    head_ = first.bi_next;
    first.bi_next = nullptr;
    return static_cast<FileBio&>(first);
  }

 private:
  Bio* head_ = nullptr;
  Bio* tail_ = nullptr;
};

// The pieces of a bio that is longer than a request: bio_chain(). It ends with the last of them.
struct BioChain {
  void* bi_private = nullptr;
  int under_way = 0;
  bool ok = true;
  BioList ended;
};

class BioPool {
 public:
  explicit BioPool(MemoryUse& memory) : memory_(memory) {}
  FileBio& allocate_for_buffer() {
    FileBio& bio = plain_.empty() ? make() : take(plain_);
    bio.slab = memory_.add_bio();
    return bio;
  }
  FileBio& allocate_for_pages() {
    if (paged_.empty())
      return make_with_pages();
    PageId* const pages = paged_.back()->pages;
    FileBio& bio = take(paged_);
    bio.carries_pages = true;
    bio.pages = pages;
    return bio;
  }
  void free(FileBio& bio) {
    if (!bio.carries_pages)
      memory_.remove_bio(bio.slab);
    (bio.carries_pages ? paged_ : plain_).push_back(&bio);
  }
  BioChain& allocate_chain() {
    if (free_chains_.empty())
      return chains_.emplace_back();
    BioChain& chain = *free_chains_.back();
    free_chains_.pop_back();
    chain = BioChain{};
    return chain;
  }
  void free(BioChain& chain) { free_chains_.push_back(&chain); }

 private:
  static FileBio& take(std::vector<FileBio*>& free_list) {
    FileBio& bio = *free_list.back();
    free_list.pop_back();
    if (!free_list.empty())
      __builtin_prefetch(free_list.back(), 1);
    bio = FileBio{};
    return bio;
  }
  FileBio& make() { return bios_.emplace_back(); }
  FileBio& make_with_pages();

  MemoryUse& memory_;
  std::deque<FileBio> bios_;
  std::vector<std::unique_ptr<PageId[]>> page_arrays_;
  std::vector<FileBio*> plain_, paged_;
  std::deque<BioChain> chains_;
  std::vector<BioChain*> free_chains_;
};

}  // namespace wbsim
