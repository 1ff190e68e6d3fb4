#include "models/mm/page_tree.hpp"

#include <algorithm>
#include <bit>

#include "sim/assert.hpp"

namespace wbsim {

namespace {
constexpr int kShift = 6;
constexpr std::uint64_t bit(PageIndex offset) {
  return std::uint64_t{1} << offset;
}
constexpr std::size_t word_of(PageTag tag) {
  return static_cast<std::size_t>(tag);
}
constexpr PageIndex offset_at(PageIndex index, std::uint8_t shift) {
  return (index >> shift) & 63;
}
bool covers(std::uint8_t shift, PageIndex index) {
  return shift + kShift >= 32 || (index >> (shift + kShift)) == 0;
}
}  // namespace

std::uint32_t PageTreeNodes::allocate(std::uint8_t shift) {
  std::uint32_t index = free_;
  if (index != 0) {
    free_ = (*this)[index].parent;
  } else {
    index = next_unused_++;
    if (index / kChunk >= chunks_.size())
      chunks_.push_back(std::make_unique_for_overwrite<Node[]>(kChunk));
  }
  Node& node = (*this)[index];
  node = Node{};
  node.shift = shift;
  ++in_use_;
  return index;
}

void PageTreeNodes::free(std::uint32_t node) {
  (*this)[node].parent = free_;
  free_ = node;
  --in_use_;
}

int PageTree::levels_above_leaf(PageIndex index) const {
  const int needed = (static_cast<int>(std::bit_width(index | 1)) - 1) / kShift;
  return root_ == 0 ? needed : std::max(needed, nodes_[root_].shift / kShift);
}

PageTree::Node* PageTree::look_up_leaf(PageIndex index) const {
  if (root_ == 0 || !covers(nodes_[root_].shift, index))
    return nullptr;
  Node* node = &nodes_[root_];
  while (node->shift > 0) {
    const std::uint32_t child = node->slots[offset_at(index, node->shift)];
    if (child == 0)
      return nullptr;
    node = &nodes_[child];
  }
  last_leaf_ = node;
  last_leaf_base_ = index & ~kMask;
  return node;
}

PageTree::Node* PageTree::grow_to_leaf(PageIndex index) {
  if (root_ == 0) {
    std::uint8_t shift = 0;
    while (!covers(shift, index))
      shift = static_cast<std::uint8_t>(shift + kShift);
    root_ = nodes_.allocate(shift);
  }
  while (!covers(nodes_[root_].shift, index)) {
    const std::uint32_t child = root_;
    root_ = nodes_.allocate(static_cast<std::uint8_t>(nodes_[child].shift + kShift));
    auto& root = nodes_[root_];
    root.slots[0] = child;
    root.present = 1;
    for (std::size_t t = 0; t < kPageTags; ++t)
      root.tags[t] = nodes_[child].tags[t] != 0 ? 1 : 0;
    nodes_[child].parent = root_;
    nodes_[child].offset = 0;
  }
  std::uint32_t node = root_;
  while (nodes_[node].shift > 0) {
    const PageIndex offset = offset_at(index, nodes_[node].shift);
    std::uint32_t child = nodes_[node].slots[offset];
    if (child == 0) {
      child = nodes_.allocate(static_cast<std::uint8_t>(nodes_[node].shift - kShift));
      nodes_[child].parent = node;
      nodes_[child].offset = static_cast<std::uint8_t>(offset);
      nodes_[node].slots[offset] = child;
      nodes_[node].present |= bit(offset);
    }
    node = child;
  }
  last_leaf_ = &nodes_[node];
  last_leaf_base_ = index & ~kMask;
  return last_leaf_;
}

void PageTree::insert(PageIndex index, PageId page) {
  WB_ASSERT(index != kNone);
  Node* leaf = leaf_of(index);
  if (!leaf)
    leaf = grow_to_leaf(index);
  WB_ASSERT(leaf->slots[index & kMask] == 0);
  leaf->slots[index & kMask] = page;
  leaf->present |= bit(index & kMask);
}

int PageTree::absent_run(PageIndex first, int most) const {
  const auto offset = static_cast<int>(first & kMask);
  const int in_leaf = std::min(most, 64 - offset);
  const Node* leaf = leaf_of(first);
  return leaf ? std::min(in_leaf, std::countr_zero(leaf->present >> offset)) : in_leaf;
}

void PageTree::insert_dirty(PageIndex first, std::span<const PageId> pages) {
  const PageIndex offset = first & kMask;
  WB_ASSERT(!pages.empty() && offset + pages.size() <= 64 && first + pages.size() <= kNone);
  Node* leaf = leaf_of(first);
  if (!leaf)
    leaf = grow_to_leaf(first);
  const std::uint64_t run = (~std::uint64_t{0} >> (64 - pages.size())) << offset;
  WB_ASSERT((leaf->present & run) == 0);
  std::copy(pages.begin(), pages.end(), leaf->slots.begin() + offset);
  leaf->present |= run;
  std::uint64_t& dirty = leaf->tags[word_of(PageTag::kDirty)];
  const bool was_empty = dirty == 0;
  dirty |= run;
  if (was_empty)
    set_tag_above(*leaf, PageTag::kDirty);
}

void PageTree::erase(PageIndex index) {
  for (std::size_t t = 0; t < kPageTags; ++t)
    clear_tag(index, static_cast<PageTag>(t));
  Node* node = leaf_of(index);
  WB_ASSERT(node && node->slots[index & kMask] != 0);
  PageIndex offset = index & kMask;
  for (;;) {
    node->slots[offset] = 0;
    node->present &= ~bit(offset);
    if (node->present != 0)
      return;
    const std::uint32_t parent = node->parent;
    offset = node->offset;
    if (node == last_leaf_)
      last_leaf_base_ = kNone;
    nodes_.free(parent == 0 ? root_ : nodes_[parent].slots[offset]);
    if (parent == 0) {
      root_ = 0;
      return;
    }
    node = &nodes_[parent];
  }
}

// The leaf's word was empty and is not any more: so the parent's bit for it. True at the root.
bool PageTree::set_tag_above(const Node& leaf, PageTag tag) {
  for (const Node* node = &leaf; node->parent != 0;) {
    Node& parent = nodes_[node->parent];
    std::uint64_t& word = parent.tags[word_of(tag)];
    const bool was_empty = word == 0;
    word |= bit(node->offset);
    if (!was_empty)
      return false;
    node = &parent;
  }
  return true;
}

// The leaf's word became empty: so the parent's bit for it goes. True at the root.
bool PageTree::clear_tag_above(const Node& leaf, PageTag tag) {
  for (const Node* node = &leaf; node->parent != 0;) {
    Node& parent = nodes_[node->parent];
    std::uint64_t& word = parent.tags[word_of(tag)];
    word &= ~bit(node->offset);
    if (word != 0)
      return false;
    node = &parent;
  }
  return true;
}

bool PageTree::tagged(PageIndex index, PageTag tag) const {
  const Node* leaf = leaf_of(index);
  return leaf && (leaf->tags[word_of(tag)] & bit(index & kMask)) != 0;
}

bool PageTree::any_tagged(PageTag tag) const {
  return root_ != 0 && nodes_[root_].tags[word_of(tag)] != 0;
}

template <class Word>
PageIndex PageTree::next(PageIndex from, Word word) const {
  if (root_ == 0 || !covers(nodes_[root_].shift, from))
    return kNone;
  std::uint32_t node = root_;
  std::uint64_t index = from;
  for (;;) {
    const auto& n = nodes_[node];
    const PageIndex offset = static_cast<PageIndex>(index >> n.shift) & kMask;
    const std::uint64_t rest = word(n) & ~(bit(offset) - 1);
    if (rest == 0) {  // nothing more below this node: go on after it
      if (n.parent == 0)
        return kNone;
      const int above = n.shift + kShift;
      index = ((index >> above) + 1) << above;
      // The parent's word for the slot after this one; an exhausted parent climbs on.
      node = n.parent;
      if (((index >> nodes_[node].shift) & kMask) == 0) {
        // stepped over the parent's end as well: restart from the root
        if (index >> 32 != 0 || !covers(nodes_[root_].shift, static_cast<PageIndex>(index)))
          return kNone;
        node = root_;
      }
      continue;
    }
    const auto found = static_cast<PageIndex>(std::countr_zero(rest));
    if (found != offset)
      index = ((index >> n.shift) - offset + found) << n.shift;
    if (n.shift == 0)
      return static_cast<PageIndex>(index);
    node = n.slots[found];
  }
}

PageIndex PageTree::next_tagged(PageIndex from, PageTag tag) const {
  const std::size_t t = word_of(tag);
  return next(from, [t](const PageTreeNodes::Node& n) { return n.tags[t]; });
}

PageIndex PageTree::next_present(PageIndex from) const {
  return next(from, [](const PageTreeNodes::Node& n) { return n.present; });
}

int PageTree::lookup_tag(PageIndex from, PageTag tag, PageId* pages, int max) const {
  int found = 0;
  const std::size_t t = word_of(tag);
  while (found < max) {
    const PageIndex first = next_tagged(from, tag);
    if (first == kNone)
      break;
    const Node& leaf = *leaf_of(first);
    std::uint64_t rest = leaf.tags[t] & ~(bit(first & kMask) - 1);
    for (; rest != 0 && found < max; rest &= rest - 1)
      pages[found++] = leaf.slots[static_cast<std::size_t>(std::countr_zero(rest))];
    from = (first | kMask) + 1;
    if (from == 0)
      break;
  }
  return found;
}

}  // namespace wbsim
