// The queued requests by where they end: what a back merge looks for. The table grows with them.
// MODELS:   2.6.18 to 6.1 block/elevator.c elv_rqhash_add(), elv_rqhash_find()
// DEVIATES: the kernel has 64 chains, however long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/block/request.hpp"

namespace wbsim {

class MergeHash {
 public:
  MergeHash() : chains_(std::size_t{1} << kLeastBits) {}

  void add(Request& rq);
  void remove(Request& rq);  // if it is in
  void moved(Request& rq) {  // its end has changed
    remove(rq);
    add(rq);
  }
  // The newest request that ends there. Those that take no more bios are dropped on the way.
  Request* find(Sectors end);

 private:
  static constexpr int kLeastBits = 4;

  Request*& chain(Sectors end) {
    constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
    return chains_[(static_cast<std::uint64_t>(end.count()) * kGoldenRatio) >> (64 - bits_)];
  }
  void push(Request& rq);
  void settle();
  void grow();

  std::vector<Request*> chains_;  // the newest first
  std::size_t size_ = 0;          // of those in a chain
  int bits_ = kLeastBits;
  Request* last_ = nullptr;  // the newest, in no chain yet: it is likely to move on
};

}  // namespace wbsim
