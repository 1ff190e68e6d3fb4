// The tagged page tree: single cases. Random operations are among the property tests.
#include <catch2/catch.hpp>
#include <vector>

#include "models/mm/page_tree.hpp"
#include "sim/assert.hpp"

namespace wbsim {
namespace {

constexpr PageIndex kLast = PageTree::kNone - 1;  // the highest index there is

TEST_CASE("an empty tree", "[mm]") {
  PageTreeNodes nodes;
  const PageTree tree(nodes);
  CHECK(tree.empty());
  CHECK(tree.find(0) == 0);
  CHECK(tree.find(kLast) == 0);
  CHECK(tree.next_present(0) == PageTree::kNone);
  CHECK(tree.next_tagged(0, PageTag::kDirty) == PageTree::kNone);
  CHECK_FALSE(tree.any_tagged(PageTag::kDirty));
  CHECK_FALSE(tree.tagged(7, PageTag::kDirty));
  CHECK(nodes.in_use() == 0);
}

TEST_CASE("a tree grows in height for a high index, and keeps the tags", "[mm]") {
  PageTreeNodes nodes;
  PageTree tree(nodes);
  tree.insert(5, 50);
  tree.set_tag(5, PageTag::kWriteback);
  CHECK(nodes.in_use() == 1);
  for (const PageIndex index : {64U, 4096U, 262144U, 1U << 24, 1U << 30, kLast})
    tree.insert(index, index / 2 + 1);
  CHECK(tree.find(5) == 50);
  CHECK(tree.tagged(5, PageTag::kWriteback));
  CHECK(tree.any_tagged(PageTag::kWriteback));
  CHECK_FALSE(tree.any_tagged(PageTag::kDirty));
  CHECK(tree.next_tagged(0, PageTag::kWriteback) == 5);
  CHECK(tree.next_tagged(6, PageTag::kWriteback) == PageTree::kNone);
  tree.set_tag(kLast, PageTag::kWriteback);
  CHECK(tree.next_tagged(6, PageTag::kWriteback) == kLast);
  CHECK(tree.next_present((1U << 30) + 1) == kLast);
}

TEST_CASE("a tree has a level more from page 64, 4096 and 262144 on", "[mm]") {
  PageTreeNodes nodes;
  PageTree tree(nodes);
  CHECK(tree.levels_above_leaf(0) == 0);
  CHECK(tree.levels_above_leaf(63) == 0);
  CHECK(tree.levels_above_leaf(64) == 1);
  CHECK(tree.levels_above_leaf(4095) == 1);
  CHECK(tree.levels_above_leaf(4096) == 2);
  CHECK(tree.levels_above_leaf(262144) == 3);
  tree.insert(5000, 1);
  CHECK(tree.levels_above_leaf(0) == 2);  // of the tree, not of the page
}

TEST_CASE("erasing gives the nodes back", "[mm]") {
  PageTreeNodes nodes;
  PageTree tree(nodes);
  const std::vector<PageIndex> indices{0, 63, 64, 1U << 20, kLast};
  for (int round = 0; round < 3; ++round) {
    for (const PageIndex index : indices) {
      tree.insert(index, 1);
      tree.set_tag(index, PageTag::kDirty);
    }
    for (const PageIndex index : indices)
      tree.erase(index);
    CHECK(tree.empty());
    CHECK(nodes.in_use() == 0);
    CHECK_FALSE(tree.any_tagged(PageTag::kDirty));
  }
}

TEST_CASE("two trees share the nodes of a machine", "[mm]") {
  PageTreeNodes nodes;
  PageTree a(nodes), b(nodes);
  for (PageIndex i = 0; i < 1000; ++i) {
    a.insert(i * 100, i + 1);
    b.insert(i * 77, i + 10001);
  }
  for (PageIndex i = 0; i < 1000; ++i)
    a.erase(i * 100);
  CHECK(a.empty());
  for (PageIndex i = 0; i < 1000; ++i)
    CHECK(b.find(i * 77) == i + 10001);
}

TEST_CASE("lookup_tag collects ids in order, up to its limit", "[mm]") {
  PageTreeNodes nodes;
  PageTree tree(nodes);
  for (const PageIndex index : {3U, 60U, 63U, 64U, 500U, 100000U, kLast}) {
    tree.insert(index, index % 1000 + 1);
    tree.set_tag(index, PageTag::kTowrite);
  }
  tree.insert(61, 99);
  std::vector<PageId> ids(14);
  CHECK(tree.lookup_tag(4, PageTag::kTowrite, ids.data(), 3) == 3);
  CHECK(std::vector<PageId>(ids.begin(), ids.begin() + 3) == std::vector<PageId>{61, 64, 65});
  CHECK(tree.lookup_tag(0, PageTag::kTowrite, ids.data(), 14) == 7);
  CHECK(tree.lookup_tag(kLast, PageTag::kTowrite, ids.data(), 14) == 1);
  CHECK(tree.lookup_tag(0, PageTag::kDirty, ids.data(), 14) == 0);
}

TEST_CASE("misuse of a tree is noticed", "[mm]") {
  PageTreeNodes nodes;
  PageTree tree(nodes);
  tree.insert(5, 50);
  CHECK_THROWS_AS(tree.insert(5, 51), InvariantBroken);
  CHECK_THROWS_AS(tree.erase(6), InvariantBroken);
  CHECK_THROWS_AS(tree.set_tag(6, PageTag::kDirty), InvariantBroken);
  CHECK_THROWS_AS(tree.insert(PageTree::kNone, 1), InvariantBroken);
}

}  // namespace
}  // namespace wbsim
