// The raw limit that a capture is measured against: reads the whole oplog with libmongoc, and does
// nothing with it.
//
//   raw_oplog_read URI
//
// Prints one line of JSON: entries, bytes, and seconds.

#include <malloc.h>
#include <mongoc/mongoc.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: raw_oplog_read URI\n");
    return 2;
  }
  // A reply's buffer is used again instead of going back to the system: a fifth more entries.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mongoc_init();
  mongoc_client_t* client = mongoc_client_new(argv[1]);
  if (client == nullptr) {
    std::fprintf(stderr, "raw_oplog_read: '%s' is not a connection string\n", argv[1]);
    return 2;
  }
  mongoc_collection_t* oplog = mongoc_client_get_collection(client, "local", "oplog.rs");
  bson_t* filter = bson_new();
  bson_t* options = BCON_NEW("batchSize", BCON_INT32(1000), "readConcern", "{", "level",
                             BCON_UTF8("majority"), "}");
  const auto begun = std::chrono::steady_clock::now();
  mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(oplog, filter, options, nullptr);
  int64_t entries = 0;
  int64_t bytes = 0;
  const bson_t* entry = nullptr;
  while (mongoc_cursor_next(cursor, &entry)) {
    ++entries;
    bytes += entry->len;
  }
  bson_error_t error;
  const bool failed = mongoc_cursor_error(cursor, &error);
  if (failed) std::fprintf(stderr, "raw_oplog_read: %s\n", error.message);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"entries\": %lld, \"bytes\": %lld, \"seconds\": %.3f}\n",
              static_cast<long long>(entries), static_cast<long long>(bytes), took.count());
  mongoc_cursor_destroy(cursor);
  bson_destroy(options);
  bson_destroy(filter);
  mongoc_collection_destroy(oplog);
  mongoc_client_destroy(client);
  mongoc_cleanup();
  return failed ? 1 : 0;
}
