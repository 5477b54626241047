#ifndef SHARDTAIL_BASE_HANDLE_H_
#define SHARDTAIL_BASE_HANDLE_H_

#include <memory>

namespace shardtail::base {

// Calls a C library's destroy function: `Handle<mongoc_uri_t, mongoc_uri_destroy>`.
template <auto kDestroy>
struct Destroyer {
  template <typename T>
  void operator()(T* object) const {
    kDestroy(object);
  }
};

// Owns an object of a C library.
template <typename T, auto kDestroy>
using Handle = std::unique_ptr<T, Destroyer<kDestroy>>;

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_HANDLE_H_
