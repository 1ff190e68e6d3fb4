// The three lists of dirty inodes: who is served when.
#include <catch2/catch.hpp>
#include <deque>
#include <string>

#include "models/writeback/inode_lists.hpp"

namespace wbsim {
namespace {

struct NoFilesystem : SuperBlock {
  GetBlock get_block(Inode&, std::int64_t, BufferHead&, bool, std::int64_t&) override {
    return GetBlock::kEio;
  }
  Task<Errno> write_inode(Inode&, TaskStruct&, bool) override { co_return Errno::kOk; }
  bool uses_mpage() const override { return true; }
  bool keeps_times() const override { return true; }
};

using Lists = DirtyInodeLists;
using Sort = DirtyInodeLists::SuperblockSort;

struct Fixture {
  PageTreeNodes nodes;
  NoFilesystem a, b;
  std::deque<Inode> inodes;
  Lists lists;

  // On no list yet. `name` is a letter.
  Inode& make(char name, std::int64_t dirtied_when, SuperBlock* sb = nullptr) {
    Inode& inode = inodes.emplace_back(nodes, sb ? *sb : a, static_cast<std::uint64_t>(name), 12);
    inode.dirtied_when = Jiffies(dirtied_when);
    return inode;
  }
  // In the order of getting dirty.
  Inode& dirty(char name, std::int64_t dirtied_when, SuperBlock* sb = nullptr) {
    Inode& inode = make(name, dirtied_when, sb);
    lists.add(inode);
    return inode;
  }
  // Names from the back, where service begins.
  std::string order(Lists::Which which) const {
    std::string names;
    for (const Inode& inode : lists.list(which))
      names.insert(names.begin(), static_cast<char>(inode.i_ino));
    return names;
  }
};

TEST_CASE("the inode that became dirty first is served first", "[writeback]") {
  Fixture f;
  f.dirty('A', 1);
  f.dirty('B', 2);
  f.dirty('C', 2);
  f.lists.queue_io(std::nullopt, Sort::kNo);
  CHECK(f.order(Lists::kIo) == "ABC");
  CHECK(f.order(Lists::kDirty).empty());
  CHECK(f.lists.next_io().i_ino == 'A');
}

TEST_CASE("redirty_tail renews a stamp that would be out of order, and only that", "[writeback]") {
  Fixture f;
  Inode& old = f.dirty('A', 10);
  f.dirty('B', 20);
  f.lists.redirty_tail(old, Jiffies(50));
  CHECK(old.dirtied_when == Jiffies(50));
  CHECK(f.order(Lists::kDirty) == "BA");

  SECTION("an equal stamp is kept") {
    Inode& equal = f.make('C', 50);
    f.lists.requeue_io(equal);
    f.lists.redirty_tail(equal, Jiffies(60));
    CHECK(equal.dirtied_when == Jiffies(50));
    CHECK(f.order(Lists::kDirty) == "BAC");
  }
  SECTION("a younger stamp is kept") {
    Inode& young = f.make('C', 55);
    f.lists.requeue_io(young);
    f.lists.redirty_tail(young, Jiffies(60));
    CHECK(young.dirtied_when == Jiffies(55));
  }
  SECTION("on an empty list any stamp is kept") {
    f.lists.queue_io(std::nullopt, Sort::kNo);
    Inode& oldest = f.lists.next_io();
    f.lists.redirty_tail(oldest, Jiffies(60));
    CHECK(oldest.dirtied_when == Jiffies(20));
  }
}

TEST_CASE("redirty_tail of the newest dirty inode changes nothing", "[writeback]") {
  Fixture f;
  f.dirty('A', 10);
  Inode& newest = f.dirty('B', 20);
  f.lists.redirty_tail(newest, Jiffies(60));
  CHECK(newest.dirtied_when == Jiffies(20));
  CHECK(f.order(Lists::kDirty) == "AB");
}

TEST_CASE("requeue_io keeps the stamp", "[writeback]") {
  Fixture f;
  Inode& inode = f.dirty('A', 10);
  f.dirty('B', 20);
  f.lists.requeue_io(inode);
  CHECK(inode.dirtied_when == Jiffies(10));
  CHECK(f.order(Lists::kMoreIo) == "A");
  CHECK(f.order(Lists::kDirty) == "B");
}

TEST_CASE("bdi 9.3, 2.6.39: what was left goes before the requeued inodes", "[writeback]") {
  Fixture f;
  f.dirty('C', 1);
  f.lists.queue_io(std::nullopt, Sort::kNo);
  f.lists.requeue_io(f.make('A', 2));
  f.lists.requeue_io(f.make('B', 2));
  f.dirty('D', 3);
  f.dirty('E', 4);
  f.lists.queue_io(std::nullopt, Sort::kNo, Lists::MoreIo::kAfterIo);
  CHECK(f.order(Lists::kIo) == "CABDE");
}

// The same for pdflush from 2.6.24 on.
TEST_CASE("bdi 9.3: requeued inodes go first, then what was left, then the expired, oldest first",
          "[writeback]") {
  Fixture f;
  f.dirty('C', 1);
  f.lists.queue_io(std::nullopt, Sort::kNo);
  f.lists.requeue_io(f.make('A', 2));
  f.lists.requeue_io(f.make('B', 2));
  f.dirty('D', 3);
  f.dirty('E', 4);
  f.lists.queue_io(std::nullopt, Sort::kNo);
  CHECK(f.order(Lists::kIo) == "ABCDE");
  CHECK(f.order(Lists::kMoreIo).empty());
}

TEST_CASE("queue_io leaves what is younger than older_than, and takes what is as old",
          "[writeback]") {
  Fixture f;
  f.dirty('A', 10);
  f.dirty('B', 20);
  f.dirty('C', 21);
  f.lists.queue_io(Jiffies(20), Sort::kNo);
  CHECK(f.order(Lists::kIo) == "AB");
  CHECK(f.order(Lists::kDirty) == "C");
}

TEST_CASE("a young inode at the tail of the list hides what is behind it", "[writeback]") {
  Fixture f;
  f.dirty('A', 30);
  f.dirty('B', 10);
  f.lists.queue_io(Jiffies(20), Sort::kNo);
  CHECK(f.order(Lists::kIo).empty());
  CHECK(f.order(Lists::kDirty) == "AB");
}

TEST_CASE("the requeued inodes return whatever their age", "[writeback]") {
  Fixture f;
  f.lists.requeue_io(f.make('A', 100));
  f.lists.queue_io(Jiffies(20), Sort::kNo);
  CHECK(f.order(Lists::kIo) == "A");
}

TEST_CASE("bdi 9.3: the devices' lists are sorted by superblock, that of the oldest inode first",
          "[writeback]") {
  Fixture f;
  f.dirty('1', 1, &f.a);
  f.dirty('2', 2, &f.b);
  f.dirty('3', 3, &f.a);
  f.dirty('4', 4, &f.b);
  SECTION("sorted") {
    f.lists.queue_io(std::nullopt, Sort::kYes);
    CHECK(f.order(Lists::kIo) == "1324");
  }
  SECTION("not sorted") {
    f.lists.queue_io(std::nullopt, Sort::kNo);
    CHECK(f.order(Lists::kIo) == "1234");
  }
  SECTION("only the expired are sorted, behind what was queued") {
    f.lists.requeue_io(f.make('0', 0, &f.b));
    f.lists.queue_io(Jiffies(3), Sort::kYes);
    CHECK(f.order(Lists::kIo) == "0132");
    CHECK(f.order(Lists::kDirty) == "4");
  }
}

TEST_CASE("an inode knows the list it is on", "[writeback]") {
  Fixture f;
  Inode& inode = f.dirty('A', 1);
  CHECK(inode.dirty_list == Lists::kDirty);
  f.lists.queue_io(std::nullopt, Sort::kYes);
  CHECK(inode.dirty_list == Lists::kIo);
  f.lists.requeue_io(inode);
  CHECK(inode.dirty_list == Lists::kMoreIo);
  f.lists.queue_io(std::nullopt, Sort::kYes);
  CHECK(inode.dirty_list == Lists::kIo);
  Lists::remove(inode);
  CHECK(inode.dirty_lists == nullptr);
  CHECK(f.lists.empty());
  Lists::remove(inode);
}

}  // namespace
}  // namespace wbsim
