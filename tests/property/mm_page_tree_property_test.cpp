// Random operations on a page tree, compared with a std::map.
#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "models/mm/page_tree.hpp"

namespace wbsim {
namespace {

constexpr PageTag kTags[] = {PageTag::kDirty, PageTag::kWriteback, PageTag::kTowrite};

struct Model {
  std::map<PageIndex, PageId> pages;
  std::set<PageIndex> tagged[kPageTags];

  PageIndex next_present(PageIndex from) const {
    const auto it = pages.lower_bound(from);
    return it == pages.end() ? PageTree::kNone : it->first;
  }
  PageIndex next_tagged(PageIndex from, std::size_t tag) const {
    const auto it = tagged[tag].lower_bound(from);
    return it == tagged[tag].end() ? PageTree::kNone : *it;
  }
};

// Dense runs, powers of two and their neighbours, and anything at all.
PageIndex random_index() {
  const int kind = *rc::gen::inRange(0, 4);
  if (kind == 0)
    return *rc::gen::inRange<PageIndex>(0, 200);
  if (kind == 1) {
    const PageIndex power = PageIndex{1} << *rc::gen::inRange(6, 32);
    return std::min(power + *rc::gen::inRange<PageIndex>(0, 130) - 65, PageTree::kNone - 1);
  }
  if (kind == 2)
    return PageTree::kNone - 1 - *rc::gen::inRange<PageIndex>(0, 70);
  return std::min(*rc::gen::arbitrary<PageIndex>(), PageTree::kNone - 1);
}

void compare(const PageTree& tree, const Model& model, PageIndex at) {
  const auto page = model.pages.find(at);
  RC_ASSERT(tree.find(at) == (page == model.pages.end() ? 0 : page->second));
  RC_ASSERT(tree.empty() == model.pages.empty());
  RC_ASSERT(tree.next_present(at) == model.next_present(at));
  for (std::size_t t = 0; t < kPageTags; ++t) {
    RC_ASSERT(tree.tagged(at, kTags[t]) == model.tagged[t].contains(at));
    RC_ASSERT(tree.any_tagged(kTags[t]) == !model.tagged[t].empty());
    RC_ASSERT(tree.next_tagged(at, kTags[t]) == model.next_tagged(at, t));
    PageId found[14];
    const int n = tree.lookup_tag(at, kTags[t], found, 14);
    auto it = model.tagged[t].lower_bound(at);
    for (int i = 0; i < n; ++i, ++it) {
      RC_ASSERT(it != model.tagged[t].end());
      RC_ASSERT(found[i] == model.pages.at(*it));
    }
    RC_ASSERT(n == 14 || it == model.tagged[t].end());
  }
}

// One page, or several at once, dirty.
void insert(PageTree& tree, Model& model, PageIndex at, PageId id) {
  const int most = *rc::gen::inRange(1, 70);
  const int absent = tree.absent_run(at, most);
  const auto next = model.next_present(at);
  RC_ASSERT(PageIndex(absent) ==
            std::min({PageIndex(most), 64 - at % 64, next == PageTree::kNone ? 64 : next - at}));
  if (*rc::gen::arbitrary<bool>() || at + PageIndex(absent) == PageTree::kNone + 1) {
    tree.insert(at, id);
    model.pages[at] = id;
    return;
  }
  const std::vector<PageId> ids(static_cast<std::size_t>(absent), id);
  tree.insert_dirty(at, ids);
  for (PageIndex i = at; i < at + PageIndex(absent); ++i) {
    model.pages[i] = id;
    model.tagged[0].insert(i);
  }
}

// One change; the page it is about is there, or not, as the operation needs.
void change(PageTree& tree, Model& model, PageIndex at, PageId id) {
  const int operation = *rc::gen::inRange(0, 10);
  const auto t = *rc::gen::inRange<std::size_t>(0, kPageTags);
  if (!model.pages.contains(at)) {
    insert(tree, model, at, id);
  } else if (operation < 3) {
    tree.erase(at);
    model.pages.erase(at);
    for (auto& tagged : model.tagged)
      tagged.erase(at);
  } else if (operation < 7) {
    const bool first = model.tagged[t].empty();
    RC_ASSERT(tree.set_tag(at, kTags[t]) == first);
    model.tagged[t].insert(at);
  } else {
    const bool last = model.tagged[t].erase(at) == 1 && model.tagged[t].empty();
    RC_ASSERT(tree.clear_tag(at, kTags[t]) == last);
  }
}

TEST_CASE("a page tree behaves as a map with tags", "[mm]") {
  CHECK(rc::check("random operations", [] {
    PageTreeNodes nodes;
    Model model, other_model;
    PageTree tree(nodes), other(nodes);  // of another file, for the nodes are shared
    const int operations = *rc::gen::inRange(0, 300);
    for (int i = 0; i < operations; ++i) {
      PageIndex at = random_index();
      if (*rc::gen::inRange(0, 2) == 0 && model.next_present(at) != PageTree::kNone)
        at = model.next_present(at);  // something that is there
      change(tree, model, at, static_cast<PageId>(i + 1));
      if (i % 3 == 0)
        change(other, other_model, random_index(), static_cast<PageId>(i + 1000));
      compare(tree, model, at);
      compare(tree, model, random_index());
      compare(other, other_model, random_index());
    }
    while (!model.pages.empty()) {
      const PageIndex first = model.pages.begin()->first;
      tree.erase(first);
      model.pages.erase(first);
      for (auto& tagged : model.tagged)
        tagged.erase(first);
      compare(tree, model, 0);
    }
    for (const auto& [index, id] : other_model.pages)
      other.erase(index);
    RC_ASSERT(nodes.in_use() == 0);
  }));
}

}  // namespace
}  // namespace wbsim
