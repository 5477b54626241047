#ifndef SHARDTAIL_MONGO_CURSOR_H_
#define SHARDTAIL_MONGO_CURSOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mongo/bson.h"
#include "mongo/client.h"

namespace shardtail::mongo {

// One reply of a cursor: the documents point into `reply`.
struct Batch {
  Reply reply;
  std::vector<bson::View> documents;

  // A document's average share of the reply; 0 where there is none.
  int64_t document_bytes() const {
    return documents.empty()
               ? 0
               : int64_t{reply.view().size()} / static_cast<int64_t>(documents.size());
  }
};

// A server-side cursor, read a whole reply at a time. Belongs to its client's thread; kills the
// cursor on the server at the end where it is still open.
class Cursor {
 public:
  struct Options {
    int32_t batch_size = 0;  // documents for each getMore; 0: the server's choice (16 MB)
    // For tailable awaitData cursors: how long a getMore waits for the first document.
    std::optional<absl::Duration> max_await;
  };

  // `command` is a `find`, `aggregate` or `listCollections` with all its options but for getMore's.
  Cursor(Client& client, std::string database, bson::Document command, Options options);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // The next reply; empty ones are possible. After the last, exhausted() is true.
  absl::StatusOr<Batch> Next();

  bool exhausted() const { return started_ && id_ == 0; }

  // For the getMores from now on.
  int32_t batch_size() const { return options_.batch_size; }
  void set_batch_size(int32_t documents) { options_.batch_size = documents; }

 private:
  absl::StatusOr<Batch> Split(Reply reply, std::string_view field);

  Client& client_;
  const std::string database_;
  const bson::Document command_;
  Options options_;
  bool started_ = false;
  int64_t id_ = 0;
  std::string collection_;  // of the cursor's own namespace, for getMore
};

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_CURSOR_H_
