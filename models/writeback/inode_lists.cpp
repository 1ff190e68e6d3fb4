#include "models/writeback/inode_lists.hpp"

#include <iterator>

#include "models/mm/backing_dev_info.hpp"
#include "sim/assert.hpp"

namespace wbsim {

DirtyInodeLists::~DirtyInodeLists() {
  for (List& list : lists_)
    list.clear();
}

// The device's count of inodes on this kind of list goes along.
void DirtyInodeLists::count(const Inode& inode, int change) {
  if (BackingDevInfo* bdi = inode.i_mapping->bdi)
    bdi->dirty_inodes[inode.dirty_list] += change;
}

void DirtyInodeLists::file_under(Which which, Inode& inode) {
  count(inode, -1);
  inode.dirty_list = which;
  count(inode, 1);
}

void DirtyInodeLists::push_front(Which which, Inode& inode) {
  inode.dirty_lists = this;
  inode.dirty_list = which;
  count(inode, 1);
  lists_[which].push_front(inode);
}

void DirtyInodeLists::remove(Inode& inode) {
  if (!inode.dirty_lists)
    return;
  List& list = inode.dirty_lists->lists_[inode.dirty_list];
  list.erase(list.iterator_to(inode));
  count(inode, -1);
  inode.dirty_lists = nullptr;
}

void DirtyInodeLists::move_to_front(Which which, Inode& inode) {
  remove(inode);
  push_front(which, inode);
}

void DirtyInodeLists::move_to_tail(Inode& inode) {
  move_to_head(inode);
  lists_[kDirty].splice(lists_[kDirty].end(), lists_[kDirty], lists_[kDirty].begin());
}

void DirtyInodeLists::add(Inode& inode) {
  WB_ASSERT(!inode.dirty_lists);
  push_front(kDirty, inode);
}

void DirtyInodeLists::add_by_age(Inode& inode) {
  add(inode);
  List& dirty = lists_[kDirty];
  auto place = std::next(dirty.begin());
  while (place != dirty.end() && inode.dirtied_when < place->dirtied_when)
    ++place;
  dirty.splice(place, dirty, dirty.begin());
}

void DirtyInodeLists::add_dirty_time(Inode& inode, Jiffies now) {
  inode.dirtied_when = now;
  move_to_front(kDirtyTime, inode);
}

void DirtyInodeLists::redirty_tail(Inode& inode, Jiffies now) {
  remove(inode);
  const List& dirty = lists_[kDirty];
  if (!dirty.empty() && inode.dirtied_when < dirty.front().dirtied_when)
    inode.dirtied_when = now;
  push_front(kDirty, inode);
}

void DirtyInodeLists::requeue_io(Inode& inode) {
  move_to_front(kMoreIo, inode);
}

int DirtyInodeLists::queue_io(std::optional<Jiffies> older_than, SuperblockSort sort,
                              MoreIo more_io) {
  List& more = lists_[kMoreIo];
  List& io = lists_[kIo];
  for (Inode& inode : more)
    file_under(kIo, inode);
  io.splice(more_io == MoreIo::kFirst ? io.end() : io.begin(), more);
  return move_expired_inodes(kDirty, older_than, sort);
}

int DirtyInodeLists::move_expired_inodes(Which from, std::optional<Jiffies> older_than,
                                         SuperblockSort sort) {
  List& dirty = lists_[from];
  List expired;  // newest at the front, like its source
  bool several = false;
  int moved = 0;
  while (!dirty.empty() && (!older_than || dirty.back().dirtied_when <= *older_than)) {
    Inode& inode = dirty.back();
    several = several || (!expired.empty() && expired.front().i_sb != inode.i_sb);
    dirty.pop_back();
    file_under(kIo, inode);
    expired.push_front(inode);
    ++moved;
  }
  if (sort == SuperblockSort::kNo || !several) {
    lists_[kIo].splice(lists_[kIo].begin(), expired);
    return moved;
  }
  while (!expired.empty()) {
    const SuperBlock* sb = expired.back().i_sb;
    for (auto it = expired.end(); it != expired.begin();) {
      Inode& inode = *--it;
      if (inode.i_sb != sb)
        continue;
      it = expired.erase(it);
      lists_[kIo].push_front(inode);
    }
  }
  return moved;
}

}  // namespace wbsim
