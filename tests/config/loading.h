#ifndef SHARDTAIL_TESTS_CONFIG_LOADING_H_
#define SHARDTAIL_TESTS_CONFIG_LOADING_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "config/configuration.h"

namespace shardtail::config {

// `properties` over the two that must be given.
inline RawProperties WithRequired(RawProperties properties) {
  properties.merge(RawProperties{{"mongodb.hosts", "rs0/localhost"}, {"mongodb.name", "shop"}});
  return properties;
}

inline Configuration MustLoad(const std::optional<RawProperties>& worker,
                              const RawProperties& connector) {
  absl::StatusOr<Configuration> loaded = Load(worker, connector);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return loaded.ok() ? *std::move(loaded) : Configuration();
}

inline Configuration LoadWith(RawProperties properties) {
  return MustLoad(std::nullopt, WithRequired(std::move(properties)));
}

// The mistakes in `properties`, one a line.
inline std::string MistakesOf(const RawProperties& properties) {
  const absl::StatusOr<Configuration> loaded = Load(std::nullopt, properties);
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(loaded.status().message());
}

inline std::string MistakesWith(RawProperties properties) {
  return MistakesOf(WithRequired(std::move(properties)));
}

}  // namespace shardtail::config

#endif  // SHARDTAIL_TESTS_CONFIG_LOADING_H_
