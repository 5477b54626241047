// The raw limit of a snapshot: reads a collection with libmongoc, in as many ranges of `_id` at
// once as there are threads, and does nothing with it. The `_id`s must be the numbers from 0 on.
//
//   raw_collection_read URI DATABASE COLLECTION THREADS
//
// Prints one line of JSON: documents, bytes, and seconds.

#include <malloc.h>
#include <mongoc/mongoc.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

struct Totals {
  std::atomic<int64_t> documents = 0;
  std::atomic<int64_t> bytes = 0;
  std::atomic<bool> failed = false;
};

// The documents with min <= _id < max; without an end where `last`.
void ReadRange(mongoc_collection_t* collection, int64_t min, int64_t max, bool last,
               Totals& totals) {
  bson_t* filter = bson_new();
  bson_t* options = BCON_NEW("batchSize", BCON_INT32(2000), "hint", "{", "_id", BCON_INT32(1), "}",
                             "min", "{", "_id", BCON_INT64(min), "}", "readConcern", "{", "level",
                             BCON_UTF8("majority"), "}");
  if (!last) BCON_APPEND(options, "max", "{", "_id", BCON_INT64(max), "}");
  mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(collection, filter, options, nullptr);
  int64_t documents = 0;
  int64_t bytes = 0;
  const bson_t* document = nullptr;
  while (mongoc_cursor_next(cursor, &document)) {
    ++documents;
    bytes += document->len;
  }
  bson_error_t error;
  if (mongoc_cursor_error(cursor, &error)) {
    std::fprintf(stderr, "raw_collection_read: %s\n", error.message);
    totals.failed = true;
  }
  totals.documents += documents;
  totals.bytes += bytes;
  mongoc_cursor_destroy(cursor);
  bson_destroy(options);
  bson_destroy(filter);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: raw_collection_read URI DATABASE COLLECTION THREADS\n");
    return 2;
  }
  const int threads = std::atoi(argv[4]);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mongoc_init();
  mongoc_uri_t* uri = mongoc_uri_new(argv[1]);
  if (uri == nullptr || threads < 1) {
    std::fprintf(stderr, "raw_collection_read: not a connection string, or no threads\n");
    return 2;
  }
  mongoc_client_pool_t* pool = mongoc_client_pool_new(uri);
  const auto begun = std::chrono::steady_clock::now();
  mongoc_client_t* client = mongoc_client_pool_pop(pool);
  mongoc_collection_t* whole = mongoc_client_get_collection(client, argv[2], argv[3]);
  const int64_t count =
      mongoc_collection_estimated_document_count(whole, nullptr, nullptr, nullptr, nullptr);
  mongoc_collection_destroy(whole);
  mongoc_client_pool_push(pool, client);

  Totals totals;
  {
    std::vector<std::jthread> readers;
    readers.reserve(static_cast<size_t>(threads));
    for (int number = 0; number < threads; ++number) {
      readers.emplace_back([&, number] {
        mongoc_client_t* own = mongoc_client_pool_pop(pool);
        mongoc_collection_t* collection = mongoc_client_get_collection(own, argv[2], argv[3]);
        ReadRange(collection, count * number / threads, count * (number + 1) / threads,
                  number + 1 == threads, totals);
        mongoc_collection_destroy(collection);
        mongoc_client_pool_push(pool, own);
      });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"documents\": %lld, \"bytes\": %lld, \"seconds\": %.3f}\n",
              static_cast<long long>(totals.documents), static_cast<long long>(totals.bytes),
              took.count());
  mongoc_client_pool_destroy(pool);
  mongoc_uri_destroy(uri);
  mongoc_cleanup();
  return totals.failed ? 1 : 0;
}
