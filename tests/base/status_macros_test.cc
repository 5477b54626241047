#include "base/status_macros.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace shardtail::base {
namespace {

absl::Status PassOn(const absl::Status& status, bool* reached) {
  SHARDTAIL_RETURN_IF_ERROR(status);
  *reached = true;
  return absl::OkStatus();
}

absl::StatusOr<int> Sum(const absl::StatusOr<int>& one, const absl::StatusOr<int>& other) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int first, one);
  int second = 0;
  SHARDTAIL_ASSIGN_OR_RETURN(second, other);
  return first + second;
}

absl::StatusOr<std::unique_ptr<int>> MakeNumber() { return std::make_unique<int>(7); }

TEST(StatusMacrosTest, AnErrorReturnsAndOkGoesOn) {
  bool reached = false;
  EXPECT_EQ(PassOn(absl::NotFoundError("gone"), &reached), absl::NotFoundError("gone"));
  EXPECT_FALSE(reached);
  EXPECT_TRUE(PassOn(absl::OkStatus(), &reached).ok());
  EXPECT_TRUE(reached);
}

TEST(StatusMacrosTest, AValueIsAssignedOrTheErrorReturned) {
  EXPECT_EQ(*Sum(1, 2), 3);
  EXPECT_EQ(Sum(absl::AbortedError("one"), 2).status(), absl::AbortedError("one"));
  EXPECT_EQ(Sum(1, absl::AbortedError("other")).status(), absl::AbortedError("other"));
}

TEST(StatusMacrosTest, AValueThatCannotBeCopiedIsMoved) {
  const auto read = []() -> absl::StatusOr<int> {
    SHARDTAIL_ASSIGN_OR_RETURN(const std::unique_ptr<int> number, MakeNumber());
    return *number;
  };
  EXPECT_EQ(*read(), 7);
}

}  // namespace
}  // namespace shardtail::base
