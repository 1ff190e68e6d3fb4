// Bios of the file side, and their pool: one buffer each, or a run of whole pages.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "models/block/bio.hpp"
#include "models/mm/page.hpp"

namespace wbsim {

// With `cookie` set it is the BufferId of the one buffer; otherwise it carries `pages`.
struct FileBio : Bio {
  PageId* pages = nullptr;  // room for kBioMaxPages, or null
  std::uint32_t nr_pages = 0;

  std::span<const PageId> page_span() const { return {pages, nr_pages}; }
};

inline constexpr int kBioMaxPages = 256;

class BioPool {
 public:
  FileBio& allocate_for_buffer() { return take(plain_, false); }
  FileBio& allocate_for_pages() { return take(paged_, true); }
  void free(FileBio& bio) { (bio.pages ? paged_ : plain_).push_back(&bio); }

 private:
  FileBio& take(std::vector<FileBio*>& free_list, bool with_pages);

  std::deque<FileBio> bios_;
  std::vector<std::unique_ptr<PageId[]>> page_arrays_;
  std::vector<FileBio*> plain_, paged_;
};

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

}  // namespace wbsim
