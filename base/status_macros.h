#ifndef SHARDTAIL_BASE_STATUS_MACROS_H_
#define SHARDTAIL_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from the enclosing function unless it is OK.
#define SHARDTAIL_RETURN_IF_ERROR(expression) \
  SHARDTAIL_RETURN_IF_ERROR_(SHARDTAIL_CONCAT_(status_, __COUNTER__), expression)

// Assigns the value of the StatusOr `expression` to `target` (which may declare a variable), or
// returns its status from the enclosing function.
#define SHARDTAIL_ASSIGN_OR_RETURN(target, expression) \
  SHARDTAIL_ASSIGN_OR_RETURN_(SHARDTAIL_CONCAT_(status_or_, __COUNTER__), target, expression)

// A name of its own for each use: an expression may hold a lambda that uses the macros too.
#define SHARDTAIL_CONCAT_INNER_(a, b) a##b
#define SHARDTAIL_CONCAT_(a, b) SHARDTAIL_CONCAT_INNER_(a, b)
#define SHARDTAIL_RETURN_IF_ERROR_(temporary, expression)         \
  do {                                                            \
    if (absl::Status temporary = (expression); !temporary.ok()) { \
      return temporary;                                           \
    }                                                             \
  } while (false)
#define SHARDTAIL_ASSIGN_OR_RETURN_(temporary, target, expression) \
  auto temporary = (expression);                                   \
  if (!temporary.ok()) return std::move(temporary).status();       \
  target = *std::move(temporary)

#endif  // SHARDTAIL_BASE_STATUS_MACROS_H_
