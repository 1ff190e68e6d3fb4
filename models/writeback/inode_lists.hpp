// The lists of dirty inodes: s_dirty, s_io, s_more_io of a superblock up to 2.6.31, b_dirty, b_io,
// b_more_io of a device from 2.6.32, and b_dirty_time from 4.0.
//
// MODELS:   fs/fs-writeback.c redirty_tail(), requeue_io(), move_expired_inodes(), queue_io() of
//           2.6.24 - 2.6.39, 3.10 and 6.1, and what 2.6.18 does instead.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <optional>

#include "models/fs/inode.hpp"

namespace wbsim {

class DirtyInodeLists {
 public:
  using List = boost::intrusive::list<Inode>;  // newest at the front, served from the back

  enum Which : std::uint8_t { kDirty, kIo, kMoreIo, kDirtyTime };

  DirtyInodeLists() = default;
  DirtyInodeLists(const DirtyInodeLists&) = delete;
  ~DirtyInodeLists();

  List& list(Which which) { return lists_[which]; }
  const List& list(Which which) const { return lists_[which]; }
  // No inode to write but, perhaps, for its times.
  bool empty() const {
    return lists_[kDirty].empty() && lists_[kIo].empty() && lists_[kMoreIo].empty();
  }
  // The inode to serve next from `io`.
  Inode& next_io() { return lists_[kIo].back(); }

  // A clean inode became dirty: to the front of `dirty`.
  void add(Inode& inode);
  // Likewise, or it comes from another flusher: to its place by its stamp.
  void add_by_age(Inode& inode);
  // Only its times are left: to the front of `dirty_time`, with a new stamp.
  void add_dirty_time(Inode& inode, Jiffies now);
  // From wherever it is, stamp unchanged: to the front of `dirty`, or to its back, which is served
  // first. 2.6.18 puts inodes off so.
  void move_to_head(Inode& inode) { move_to_front(kDirty, inode); }
  void move_to_tail(Inode& inode);
  // Off every list.
  static void remove(Inode& inode);
  // To the front of `dirty`; its stamp is renewed if it would be out of order there.
  void redirty_tail(Inode& inode, Jiffies now);
  // To the front of `more_io`, stamp unchanged.
  void requeue_io(Inode& inode);

  enum class SuperblockSort : bool { kNo, kYes };
  enum class MoreIo : bool { kFirst, kAfterIo };  // kAfterIo from 2.6.37 on
  // Refills `io`. Service order afterwards: more_io, first requeued first; what was left on io
  // (kAfterIo: before more_io); then the newly expired (all without `older_than`), oldest first.
  // With the sort, all inodes of the oldest one's superblock come first among the newly queued, and
  // so on. Returns how many those are.
  int queue_io(std::optional<Jiffies> older_than, SuperblockSort sort,
               MoreIo more_io = MoreIo::kFirst);
  // Likewise those of `dirty_time`; called after queue_io().
  int queue_dirty_time(Jiffies older_than, SuperblockSort sort) {
    return move_expired_inodes(kDirtyTime, older_than, sort);
  }

 private:
  static void count(const Inode& inode, int change);
  static void file_under(Which which, Inode& inode);
  void push_front(Which which, Inode& inode);
  void move_to_front(Which which, Inode& inode);
  int move_expired_inodes(Which from, std::optional<Jiffies> older_than, SuperblockSort sort);

  std::array<List, 4> lists_;
};

}  // namespace wbsim
