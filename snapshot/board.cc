#include "snapshot/board.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace shardtail::snapshot {
namespace {

bson::Timestamp Successor(bson::Timestamp time) {
  constexpr uint32_t kMax = std::numeric_limits<uint32_t>::max();
  if (time.increment < kMax) return {time.seconds, time.increment + 1};
  return time.seconds < kMax ? bson::Timestamp{time.seconds + 1, 0} : time;
}

}  // namespace

void Board::Add(const CollectionUuid& collection, std::string ns,
                std::span<const CopiedRange> copied, CopyKind kind, Taken taken) {
  Remove(collection);
  Collection& added = collections_[collection];
  added.ns = std::move(ns);
  added.kind = kind;
  added.is_streamed = IsStreamed(kind);
  added.awaits_split = taken == Taken::kAfterSplit;
  Ranges& ranges = added.ranges;
  ranges.try_emplace(IdBound());
  for (const CopiedRange& part : copied) {
    if (!IsOpen(part.range.max)) CutAt(ranges, part.range.max);
    const auto range = IsOpen(part.range.min) ? ranges.begin() : CutAt(ranges, part.range.min);
    range->second = {.state = State::kCopied, .at = part.at};
  }
  for (const auto& [min, range] : ranges) {
    if (range.state != State::kPlanned) continue;
    if (!added.awaits_split) queue_.push_back({collection, min});
    CountUnfinished(added, 1);
  }
}

void Board::PublishAll(const CollectionUuid& collection) {
  const auto found = collections_.find(collection);
  if (found != collections_.end()) found->second.is_streamed = true;
}

void Board::CountUnfinished(const Collection& collection, int64_t more) {
  unfinished_ += more;
  if (collection.kind == CopyKind::kInitial) unfinished_initial_ += more;
}

void Board::Split(const CollectionUuid& collection, std::span<const IdBound> bounds) {
  const auto found = collections_.find(collection);
  if (found == collections_.end()) return;
  Ranges& ranges = found->second.ranges;
  if (std::exchange(found->second.awaits_split, false)) {
    for (const auto& [min, range] : ranges) {
      if (range.state == State::kPlanned) queue_.push_back({collection, min});
    }
  }
  std::vector<IdBound> sorted(bounds.begin(), bounds.end());
  std::ranges::sort(sorted, LowerBoundLess());
  for (IdBound& bound : sorted) {
    if (ranges.contains(bound)) continue;
    const auto around = std::prev(ranges.upper_bound(bound));
    if (around->second.state != State::kPlanned) continue;
    CutAt(ranges, bound);
    queue_.push_back({collection, std::move(bound)});
    CountUnfinished(found->second, 1);
  }
}

void Board::Rename(const CollectionUuid& collection, std::string ns) {
  const auto found = collections_.find(collection);
  if (found == collections_.end()) return;
  found->second.ns = std::move(ns);
  for (auto& [min, range] : found->second.ranges) {
    switch (range.state) {
      case State::kPlanned:
      case State::kCopied:
        continue;
      case State::kInFlight:
      case State::kRead:
        chunks_.erase(range.chunk);
        break;
      case State::kHandedOver:
        if (HasPassed(range.checked)) continue;
        handed_over_.erase(range.chunk);
        if (found->second.kind == CopyKind::kInitial) --handed_over_initial_;
        break;
    }
    range = {};
    queue_.push_front({collection, min});
  }
}

void Board::Remove(const CollectionUuid& collection) {
  const auto found = collections_.find(collection);
  if (found == collections_.end()) return;
  for (const auto& [min, range] : found->second.ranges) {
    if (range.state == State::kCopied) continue;
    CountUnfinished(found->second, -1);
    if (range.chunk == 0) continue;
    chunks_.erase(range.chunk);
    if (handed_over_.erase(range.chunk) > 0 && found->second.kind == CopyKind::kInitial) {
      --handed_over_initial_;
    }
  }
  collections_.erase(found);
}

std::optional<Chunk> Board::Take(bson::Timestamp operation_time) {
  while (!queue_.empty()) {
    const Place place = std::move(queue_.front());
    queue_.pop_front();
    const auto collection = collections_.find(place.collection);
    if (collection == collections_.end()) continue;
    const auto range = collection->second.ranges.find(place.min);
    if (range == collection->second.ranges.end() || range->second.state != State::kPlanned) {
      continue;
    }
    // Not before what the stream has decided: it may have skipped operations of the range.
    const bson::Timestamp at = std::max(decided_, operation_time);
    range->second = {.state = State::kInFlight, .at = at, .chunk = ++last_chunk_};
    chunks_[last_chunk_] = place;
    return MakeChunk(collection->second, place.collection, range);
  }
  return std::nullopt;
}

bool Board::FinishRead(uint64_t chunk, const IdBound& end, bson::Timestamp checked) {
  const auto found = Find(chunk);
  if (!found.has_value()) return false;
  const auto& [collection, range] = *found;
  Ranges& ranges = collection->ranges;
  if (!IsOpen(end) && std::prev(ranges.upper_bound(end)) == range) {
    const auto rest = CutAt(ranges, end);
    if (rest == range) {  // nothing of it was read
      Fail(chunk);
      return false;
    }
    rest->second = {};
    queue_.push_front({chunks_[chunk].collection, end});
    CountUnfinished(*collection, 1);
  }
  range->second.state = State::kRead;
  range->second.checked = checked;
  checked_ = std::max(checked_, checked);
  return true;
}

void Board::Fail(uint64_t chunk) {
  const auto found = Find(chunk);
  if (!found.has_value()) return;
  found->second->second = {};
  queue_.push_front(chunks_[chunk]);
  chunks_.erase(chunk);
}

void Board::BeginEntry(bson::Timestamp ts, bson::Timestamp visible) {
  if (ts > next_) deleted_again_.clear();
  visible_ = visible;
  decided_ = std::max(decided_, ts);
  next_ = std::max(next_, ts);
}

void Board::Pass(bson::Timestamp time) {
  decided_ = std::max(decided_, time);
  next_ = std::max(next_, Successor(time));
}

Decision Board::Decide(const CollectionUuid& collection, const bson::Element& id, bool is_delete) {
  const auto found = collections_.find(collection);
  if (found == collections_.end()) return Decision::kPublish;
  const Range& range = std::prev(found->second.ranges.upper_bound(id))->second;
  const bool later = range.state != State::kPlanned && next_ > range.at;
  if (found->second.is_streamed) {
    const bool read_before =
        later && (range.state == State::kInFlight || range.state == State::kRead);
    return read_before ? Decision::kWait : Decision::kPublish;
  }
  switch (range.state) {
    case State::kPlanned:
    case State::kInFlight:
    case State::kRead:
      if (later) return Decision::kWait;
      return is_delete ? Decision::kPublish : Decision::kSkip;
    case State::kHandedOver:
    case State::kCopied:
      if (!later) return Decision::kSkip;
      if (visible_ > range.at) return Decision::kPublish;
      return DecideAgain(collection, id, is_delete);
  }
  return Decision::kPublish;
}

Decision Board::DecideAgain(const CollectionUuid& collection, const bson::Element& id,
                            bool is_delete) {
  std::pair key(collection, std::string(MakeBound(id).view().bytes()));
  if (is_delete) {
    deleted_again_.insert(std::move(key));
    return Decision::kPublish;
  }
  return deleted_again_.contains(key) ? Decision::kPublish : Decision::kSkip;
}

std::optional<Chunk> Board::Ready() const {
  for (const auto& [number, place] : chunks_) {
    const Collection& collection = collections_.find(place.collection)->second;
    const auto range = collection.ranges.find(place.min);
    if (range->second.state == State::kRead && next_ > range->second.at) {
      return MakeChunk(collection, place.collection, range);
    }
  }
  return std::nullopt;
}

std::vector<Chunk> Board::AllReady() const {
  std::vector<Chunk> ready;
  for (const auto& [number, place] : chunks_) {
    const Collection& collection = collections_.find(place.collection)->second;
    const auto range = collection.ranges.find(place.min);
    if (range->second.state == State::kRead && next_ > range->second.at) {
      ready.push_back(MakeChunk(collection, place.collection, range));
    }
  }
  return ready;
}

bool Board::IsLast(uint64_t chunk) const {
  const auto place = chunks_.find(chunk);
  if (place == chunks_.end()) return false;
  const Collection& collection = collections_.find(place->second.collection)->second;
  return collection.kind == CopyKind::kInitial && unfinished_initial_ == handed_over_initial_ + 1;
}

bool Board::all_handed_over() const {
  return unfinished_ == static_cast<int64_t>(handed_over_.size()) && HasPassed(checked_);
}

std::optional<bson::Timestamp> Board::OldestRead() const {
  std::optional<bson::Timestamp> oldest;
  for (const auto& [number, place] : chunks_) {
    const Range& range = collections_.find(place.collection)->second.ranges.find(place.min)->second;
    oldest = oldest.has_value() ? std::min(*oldest, range.at) : range.at;
  }
  return oldest;
}

void Board::HandOver(uint64_t chunk, uint64_t ticket) {
  const auto found = Find(chunk);
  if (!found.has_value()) return;
  found->second->second.state = State::kHandedOver;
  found->second->second.ticket = ticket;
  handed_over_.insert(chunks_.extract(chunk));
  if (found->first->kind == CopyKind::kInitial) ++handed_over_initial_;
}

std::vector<CollectionUuid> Board::Settle(uint64_t ticket) {
  std::set<CollectionUuid> changed;
  for (auto chunk = handed_over_.begin(); chunk != handed_over_.end();) {
    const CollectionUuid uuid = chunk->second.collection;
    Collection& collection = collections_.find(uuid)->second;
    const auto range = collection.ranges.find(chunk->second.min);
    if (range->second.ticket > ticket || !HasPassed(range->second.checked)) {
      ++chunk;
      continue;
    }
    chunk = handed_over_.erase(chunk);
    if (collection.kind == CopyKind::kInitial) --handed_over_initial_;
    range->second = {.state = State::kCopied, .at = range->second.at};
    CountUnfinished(collection, -1);
    Merge(collection.ranges, range);
    changed.insert(uuid);
  }
  return {changed.begin(), changed.end()};
}

CollectionProgress Board::Progress(const CollectionUuid& collection) const {
  CollectionProgress progress;
  const auto found = collections_.find(collection);
  if (found == collections_.end()) return progress;
  progress.ns = found->second.ns;
  progress.kind = found->second.kind;
  const Ranges& ranges = found->second.ranges;
  for (auto range = ranges.begin(); range != ranges.end(); ++range) {
    if (range->second.state != State::kCopied) continue;
    progress.copied.push_back({{range->first, EndOf(ranges, range)}, range->second.at});
  }
  return progress;
}

std::optional<CopyKind> Board::KindOf(const CollectionUuid& collection) const {
  const auto found = collections_.find(collection);
  if (found == collections_.end()) return std::nullopt;
  return found->second.kind;
}

bool Board::IsUnfinished(const CollectionUuid& collection) const {
  const auto found = collections_.find(collection);
  return found != collections_.end() &&
         std::ranges::any_of(found->second.ranges, [](const auto& range) {
           return range.second.state != State::kCopied;
         });
}

IdBound Board::EndOf(const Ranges& ranges, Ranges::const_iterator range) {
  const auto next = std::next(range);
  return next == ranges.end() ? IdBound() : next->first;
}

Board::Ranges::iterator Board::CutAt(Ranges& ranges, const IdBound& bound) {
  const auto around = std::prev(ranges.upper_bound(bound));
  return ranges.try_emplace(bound, around->second).first;
}

Chunk Board::MakeChunk(const Collection& collection, const CollectionUuid& uuid,
                       Ranges::const_iterator range) const {
  return {.number = range->second.chunk,
          .collection = uuid,
          .ns = collection.ns,
          .range = {range->first, EndOf(collection.ranges, range)},
          .at = range->second.at};
}

std::optional<std::pair<Board::Collection*, Board::Ranges::iterator>> Board::Find(uint64_t chunk) {
  const auto place = chunks_.find(chunk);
  if (place == chunks_.end()) return std::nullopt;
  Collection& collection = collections_.find(place->second.collection)->second;
  return std::pair(&collection, collection.ranges.find(place->second.min));
}

void Board::Merge(Ranges& ranges, Ranges::iterator range) {
  const auto take_in = [&ranges](Ranges::iterator lower, Ranges::iterator upper) {
    // The stream has passed both times, and its stored offset will have. They count only for a
    // prepared transaction that has been open all the while: of the later time, one that only the
    // upper or lower part contains would be lost; of the earlier, it may be published again.
    lower->second.at = std::min(lower->second.at, upper->second.at);
    ranges.erase(upper);
  };
  if (const auto next = std::next(range);
      next != ranges.end() && next->second.state == State::kCopied) {
    take_in(range, next);
  }
  if (range != ranges.begin() && std::prev(range)->second.state == State::kCopied) {
    take_in(std::prev(range), range);
  }
}

}  // namespace shardtail::snapshot
