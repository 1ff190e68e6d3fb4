// Objects of one size that come and go: which slab each is of, when a new slab is needed, and how
// many empty ones stay.
//
// MODELS:   mm/slub.c of 6.1: the processor's slab, its partial slabs (put_cpu_partial()), those of
//           the node (get_partial_node()), of which min_partial stay when they are empty.
// DEVIATES: one processor, slabs of one page.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <vector>

#include "sim/assert.hpp"

namespace wbsim {

class Slub {
 public:
  using SlabId = std::uint32_t;

  Slub(int objects_a_slab, int cpu_partial_slabs, int min_partial = 5)
      : objects_(objects_a_slab), cpu_max_(cpu_partial_slabs), node_min_(min_partial) {}
  Slub(const Slub&) = delete;

  // The slab of a new object. slabs() says whether it is new.
  SlabId allocate() {
    if (!current_ || current_->inuse == objects_)
      current_ = &next_slab();
    ++current_->inuse;
    return current_->id;
  }

  void free(SlabId id) {
    Slab& slab = all_[id];
    WB_ASSERT(slab.inuse > 0);
    const bool was_full = slab.inuse-- == objects_;
    if (&slab == current_)
      return;
    if (was_full)
      put_cpu_partial(slab);
    else if (slab.of_node && slab.inuse == 0 && node_has_enough())
      discard(node_, slab);
  }

  std::int64_t slabs() const { return slabs_; }

 private:
  struct Slab : boost::intrusive::list_base_hook<> {
    SlabId id = 0;
    int inuse = 0;
    bool of_node = false;
  };
  using List = boost::intrusive::list<Slab>;

  bool node_has_enough() const { return static_cast<int>(node_.size()) >= node_min_; }

  // ___slab_alloc()
  Slab& next_slab() {
    if (cpu_.empty() && node_.empty())
      return new_slab();
    Slab& slab = cpu_.empty() ? take_of_node() : cpu_.front();
    if (cpu_.empty())
      for (int more = cpu_max_ / 2 + 1; more > 0 && !node_.empty(); --more)
        cpu_.push_front(take_of_node());
    else
      cpu_.pop_front();
    return slab;
  }

  Slab& take_of_node() {
    Slab& slab = node_.front();
    node_.pop_front();
    slab.of_node = false;
    return slab;
  }

  void put_cpu_partial(Slab& slab) {
    if (static_cast<int>(cpu_.size()) >= cpu_max_) {
      while (!cpu_.empty()) {
        Slab& old = cpu_.front();
        if (old.inuse == 0 && node_has_enough()) {
          discard(cpu_, old);
        } else {
          cpu_.pop_front();
          old.of_node = true;
          node_.push_back(old);
        }
      }
    }
    cpu_.push_front(slab);
  }

  Slab& new_slab() {
    ++slabs_;
    if (unused_.empty()) {
      Slab& slab = all_.emplace_back();
      slab.id = static_cast<SlabId>(all_.size() - 1);
      return slab;
    }
    Slab& slab = all_[unused_.back()];
    unused_.pop_back();
    return slab;
  }

  void discard(List& from, Slab& slab) {
    from.erase(from.iterator_to(slab));
    slab.of_node = false;
    --slabs_;
    unused_.push_back(slab.id);
  }

  int objects_;
  int cpu_max_;
  int node_min_;
  std::int64_t slabs_ = 0;  // all_ without unused_: asked at every new page
  std::deque<Slab> all_;
  std::vector<SlabId> unused_;
  Slab* current_ = nullptr;
  List cpu_, node_;
};

}  // namespace wbsim
