// The tagged page tree of an address space: 64-way nodes, a 64-bit word per tag, so that a tag walk
// is a count of trailing zeros. Tags are apart from the page bits and change at other moments.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/mm/page.hpp"
#include "sim/assert.hpp"

namespace wbsim {

enum class PageTag : std::uint8_t { kDirty, kWriteback, kTowrite };
inline constexpr std::size_t kPageTags = 3;

// The nodes of all trees of one machine.
class PageTreeNodes {
 public:
  struct Node {
    std::uint64_t present;
    std::array<std::uint64_t, kPageTags> tags;
    std::array<std::uint32_t, 64> slots;  // PageIds in a leaf, node numbers above
    std::uint32_t parent;                 // node number, 0 at the root; next free node when free
    std::uint8_t offset;                  // slot in the parent
    std::uint8_t shift;                   // 0 in a leaf, +6 a level
  };
  std::uint32_t allocate(std::uint8_t shift);
  void free(std::uint32_t node);
  Node& operator[](std::uint32_t node) { return chunks_[node / kChunk][node % kChunk]; }
  std::int64_t in_use() const { return in_use_; }

 private:
  static constexpr std::uint32_t kChunk = 256;

  std::vector<std::unique_ptr<Node[]>> chunks_;  // so that nodes never move
  std::uint32_t next_unused_ = 1;
  std::uint32_t free_ = 0;
  std::int64_t in_use_ = 0;
};

class PageTree {
 public:
  static constexpr PageIndex kNone = ~PageIndex{0};  // no page has this index

  explicit PageTree(PageTreeNodes& nodes) : nodes_(nodes) {}
  PageTree(const PageTree&) = delete;

  PageId find(PageIndex index) const {  // 0 when absent
    const Node* leaf = leaf_of(index);
    return leaf ? leaf->slots[index & kMask] : 0;
  }
  void insert(PageIndex index, PageId page);
  void erase(PageIndex index);
  // How many of the `most` indices from `first` on have no page, as far as one leaf reaches.
  int absent_run(PageIndex first, int most) const;
  // Dirty pages for such indices.
  void insert_dirty(PageIndex first, std::span<const PageId> pages);
  bool empty() const { return root_ == 0; }
  // The levels above the leaves, when it holds `index`.
  int levels_above_leaf(PageIndex index) const;

  // True when it is the first tag of its kind in the tree.
  bool set_tag(PageIndex index, PageTag tag) {
    Node* leaf = leaf_of(index);
    WB_ASSERT(leaf && leaf->slots[index & kMask] != 0);
    std::uint64_t& word = leaf->tags[static_cast<std::size_t>(tag)];
    const bool was_empty = word == 0;
    word |= std::uint64_t{1} << (index & kMask);
    return was_empty && set_tag_above(*leaf, tag);
  }
  // True when it was the last tag of its kind in the tree.
  bool clear_tag(PageIndex index, PageTag tag) {
    Node* leaf = leaf_of(index);
    WB_ASSERT(leaf);
    return clear_bit(*leaf, std::uint64_t{1} << (index & kMask), tag);
  }
  // Sets the WRITEBACK tag and clears the others, DIRTY only unless `still_dirty`. True when it is
  // the first WRITEBACK tag in the tree.
  bool tag_writeback(PageIndex index, bool still_dirty) {
    Node* leaf = leaf_of(index);
    WB_ASSERT(leaf);
    const std::uint64_t bit = std::uint64_t{1} << (index & kMask);
    if (!still_dirty)
      clear_bit(*leaf, bit, PageTag::kDirty);
    clear_bit(*leaf, bit, PageTag::kTowrite);
    std::uint64_t& word = leaf->tags[static_cast<std::size_t>(PageTag::kWriteback)];
    const bool was_empty = word == 0;
    word |= bit;
    return was_empty && set_tag_above(*leaf, PageTag::kWriteback);
  }
  bool tagged(PageIndex index, PageTag tag) const;
  bool any_tagged(PageTag tag) const;
  // The first index at or after `from` with the tag, kNone when there is none.
  PageIndex next_tagged(PageIndex from, PageTag tag) const;
  // The first index at or after `from` in the tree, kNone when there is none.
  PageIndex next_present(PageIndex from) const;
  // radix_tree_gang_lookup_tag(): up to `max` page ids from `from` on, returns how many.
  int lookup_tag(PageIndex from, PageTag tag, PageId* pages, int max) const;

 private:
  using Node = PageTreeNodes::Node;
  static constexpr PageIndex kMask = 63;

  Node* leaf_of(PageIndex index) const {  // null when there is none
    return (index & ~kMask) == last_leaf_base_ ? last_leaf_ : look_up_leaf(index);
  }
  Node* look_up_leaf(PageIndex index) const;
  bool clear_bit(Node& leaf, std::uint64_t bit, PageTag tag) {
    std::uint64_t& word = leaf.tags[static_cast<std::size_t>(tag)];
    if ((word & bit) == 0)
      return false;
    word &= ~bit;
    return word == 0 && clear_tag_above(leaf, tag);
  }
  bool set_tag_above(const Node& leaf, PageTag tag);
  bool clear_tag_above(const Node& leaf, PageTag tag);
  Node* grow_to_leaf(PageIndex index);
  template <class Word>
  PageIndex next(PageIndex from, Word word) const;

  PageTreeNodes& nodes_;
  std::uint32_t root_ = 0;
  mutable Node* last_leaf_ = nullptr;  // most accesses follow each other
  mutable PageIndex last_leaf_base_ = kNone;
};

}  // namespace wbsim
