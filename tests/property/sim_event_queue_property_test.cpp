#include <rapidcheck/catch.h>

#include <map>
#include <tuple>
#include <vector>

#include "sim/event_queue.hpp"

namespace wbsim {
namespace {

using Key = std::tuple<TimePoint, std::uint64_t>;

// The obvious event queue, next to the fast one.
struct Pair {
  void push(std::int64_t time, Band band) {
    const std::uint64_t id = handles.size();
    const TimePoint when{Duration(time)};
    handles.push_back(queue.push(when, band, id, {nullptr, nullptr, id}));
    where.push_back(model.emplace(Key{when, EventQueue::order_of(band, id)}, id));
    live.push_back(true);
  }
  void cancel(std::size_t id) {
    RC_ASSERT(queue.pending(handles[id]) == live[id]);
    RC_ASSERT(queue.cancel(handles[id]) == live[id]);
    if (live[id])
      model.erase(where[id]);
    live[id] = false;
  }
  void pop(bool look_first) {
    const auto first = model.begin();
    if (look_first) {
      const EventQueue::Key key = queue.top_key();
      RC_ASSERT((Key{key.time, key.order} == first->first));
    }
    const std::uint64_t id = queue.pop().argument;
    RC_ASSERT(id == first->second);
    RC_ASSERT(!queue.pending(handles[id]));
    live[id] = false;
    model.erase(first);
  }

  EventQueue queue;
  std::multimap<Key, std::uint64_t> model;
  std::vector<EventQueue::Handle> handles;
  std::vector<std::multimap<Key, std::uint64_t>::iterator> where;
  std::vector<bool> live;
};

void random_walk(int steps, int push_percent) {
  Pair pair;
  for (int i = 0; i < steps; ++i) {
    const int dice = *rc::gen::inRange(0, 100);
    if (dice < push_percent || pair.handles.empty()) {
      pair.push(*rc::gen::inRange<std::int64_t>(0, 20),
                *rc::gen::element(Band::kNormal, Band::kDispatch, Band::kSample));
    } else if (dice < push_percent + (100 - push_percent) / 2) {
      pair.cancel(*rc::gen::inRange<std::size_t>(0, pair.handles.size()));
    } else if (!pair.queue.empty()) {
      pair.pop(*rc::gen::arbitrary<bool>());
    }
    RC_ASSERT(pair.queue.size() == pair.model.size());
    RC_ASSERT(pair.queue.empty() == pair.model.empty());
  }
  while (!pair.queue.empty())
    pair.pop(false);
  RC_ASSERT(pair.model.empty());
}

TEST_CASE("the event queue behaves as a multimap by (time, band, sequence)", "[sim]") {
  rc::prop("as it grows", [] { random_walk(200, 60); });
  rc::prop("as it comes and goes", [] { random_walk(200, 40); });
}

}  // namespace
}  // namespace wbsim
