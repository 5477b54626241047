#ifndef SHARDTAIL_MONGO_BSON_COMPARE_H_
#define SHARDTAIL_MONGO_BSON_COMPARE_H_

#include <compare>

#include "mongo/bson.h"

namespace shardtail::bson {

// The order in which the server's indexes hold values with the simple collation, across types
// ("Comparison/Sort Order" in MongoDB's manual; in full in src/mongo/bson/bsonelement.cpp):
//
//   MinKey < undefined < null < numbers < strings and symbols < documents < arrays < binary
//   < ObjectId < bool < date < timestamp < regex < DBPointer < code < code with scope < MaxKey
//
// Numbers compare by their exact value whatever their type, NaN before all others; strings by their
// bytes; documents element by element, by type, then name, then value; binary by length, subtype,
// bytes. Two values are equal exactly when they cannot both be an `_id` of one collection. The
// elements' own names do not count.
//
// Values inside must be whole BSON (Validate()): what is broken counts as the end of its document.
std::weak_ordering Compare(const Element& a, const Element& b);

}  // namespace shardtail::bson

#endif  // SHARDTAIL_MONGO_BSON_COMPARE_H_
