#include "models/block/merge_hash.hpp"

#include <utility>

namespace wbsim {

void MergeHash::add(Request& rq) {
  settle();
  last_ = &rq;
  rq.hashed = true;
}

void MergeHash::settle() {
  if (!last_)
    return;
  if (2 * ++size_ > chains_.size())
    grow();
  push(*std::exchange(last_, nullptr));
}

void MergeHash::push(Request& rq) {
  rq.hash_end = rq.end();
  Request*& first = chain(rq.hash_end);
  rq.hash_next = first;
  first = &rq;
}

void MergeHash::remove(Request& rq) {
  if (!rq.hashed)
    return;
  rq.hashed = false;
  if (&rq == last_) {
    last_ = nullptr;
    return;
  }
  Request** at = &chain(rq.hash_end);
  while (*at != &rq)
    at = &(*at)->hash_next;
  *at = rq.hash_next;
  --size_;
}

Request* MergeHash::find(Sectors end) {
  settle();
  for (Request* rq = chain(end); rq;) {
    Request* next = rq->hash_next;
    if (rq->no_merge)
      remove(*rq);
    else if (rq->end() == end)
      return rq;
    rq = next;
  }
  return nullptr;
}

// Each chain keeps its order.
void MergeHash::grow() {
  std::vector<Request*> old(2 * chains_.size());
  old.swap(chains_);
  ++bits_;
  for (Request* rq : old) {
    Request* oldest_first = nullptr;
    while (rq) {
      Request* next = std::exchange(rq->hash_next, oldest_first);
      oldest_first = std::exchange(rq, next);
    }
    while (oldest_first) {
      Request& each = *oldest_first;
      oldest_first = each.hash_next;
      each.hash_next = std::exchange(chain(each.hash_end), &each);
    }
  }
}

}  // namespace wbsim
