// The raw limit of latency: the least that can stand between an insert and Kafka. Tails the oplog
// with majority read concern, and sends each document that is inserted into a database at once, as
// the bytes that it is: no event is made of it, and no position is kept.
//
//   raw_tail URI DATABASE BOOTSTRAP PREFIX
//
// Begins at the oplog's end, writes to PREFIX.DATABASE.COLLECTION, and goes on until SIGTERM or
// SIGINT.

#include <librdkafka/rdkafka.h>
#include <mongoc/mongoc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "kafka/producer_defaults.h"

namespace {

volatile std::sig_atomic_t stop_requested = 0;

[[noreturn]] void Fail(const char* what, const char* why) {
  std::fprintf(stderr, "raw_tail: %s: %s\n", what, why);
  std::exit(1);
}

class Sender {
 public:
  explicit Sender(const char* bootstrap) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const auto set = [conf](std::string_view name, std::string_view value) {
      char error[256];
      if (rd_kafka_conf_set(conf, std::string(name).c_str(), std::string(value).c_str(), error,
                            sizeof error) != RD_KAFKA_CONF_OK) {
        Fail("configuration", error);
      }
    };
    for (const auto& [name, value] : shardtail::kafka::kProducerDefaults) set(name, value);
    set("bootstrap.servers", bootstrap);
    set("linger.ms", "0");
    char error[256];
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (producer_ == nullptr) Fail("no producer", error);
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender() {
    rd_kafka_flush(producer_, 10'000);
    for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer_);
  }

  void Send(const std::string& name, const uint8_t* value, size_t size) {
    rd_kafka_topic_t*& topic = topics_[name];
    if (topic == nullptr) topic = rd_kafka_topic_new(producer_, name.c_str(), nullptr);
    // librdkafka only reads it.
    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         const_cast<uint8_t*>(value), size, nullptr, 0, nullptr) != 0) {
      Fail(name.c_str(), rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_poll(producer_, 0);
  }

 private:
  rd_kafka_t* producer_;
  std::map<std::string, rd_kafka_topic_t*> topics_;
};

// The newest entry's `ts`.
bson_value_t FindEnd(mongoc_collection_t* oplog) {
  bson_t* filter = bson_new();
  bson_t* options = BCON_NEW("sort", "{", "$natural", BCON_INT32(-1), "}", "limit", BCON_INT64(1));
  mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(oplog, filter, options, nullptr);
  const bson_t* entry = nullptr;
  bson_iter_t ts;
  if (!mongoc_cursor_next(cursor, &entry) || !bson_iter_init_find(&ts, entry, "ts")) {
    Fail("oplog", "holds no entry");
  }
  bson_value_t end;
  bson_value_copy(bson_iter_value(&ts), &end);
  mongoc_cursor_destroy(cursor);
  bson_destroy(options);
  bson_destroy(filter);
  return end;
}

void SendInserts(const bson_t* entry, std::string_view database, const std::string& prefix,
                 Sender& sender) {
  bson_iter_t op;
  bson_iter_t ns;
  bson_iter_t document;
  if (!bson_iter_init_find(&op, entry, "op") || *bson_iter_utf8(&op, nullptr) != 'i' ||
      !bson_iter_init_find(&ns, entry, "ns") || !bson_iter_init_find(&document, entry, "o")) {
    return;
  }
  const std::string_view name = bson_iter_utf8(&ns, nullptr);
  if (!name.starts_with(database) || !name.substr(database.size()).starts_with('.')) return;
  uint32_t size = 0;
  const uint8_t* bytes = nullptr;
  bson_iter_document(&document, &size, &bytes);
  sender.Send(prefix + "." + std::string(name), bytes, size);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: raw_tail URI DATABASE BOOTSTRAP PREFIX\n");
    return 2;
  }
  std::signal(SIGTERM, [](int) { stop_requested = 1; });
  std::signal(SIGINT, [](int) { stop_requested = 1; });
  mongoc_init();
  mongoc_client_t* client = mongoc_client_new(argv[1]);
  if (client == nullptr) Fail(argv[1], "not a connection string");
  mongoc_collection_t* oplog = mongoc_client_get_collection(client, "local", "oplog.rs");
  bson_value_t end = FindEnd(oplog);
  bson_t from = BSON_INITIALIZER;
  bson_append_value(&from, "$gte", -1, &end);
  bson_t* filter = BCON_NEW("ts", BCON_DOCUMENT(&from));
  bson_t* options =
      BCON_NEW("tailable", BCON_BOOL(true), "awaitData", BCON_BOOL(true), "maxAwaitTimeMS",
               BCON_INT64(1000), "readConcern", "{", "level", BCON_UTF8("majority"), "}");
  {
    Sender sender(argv[3]);
    mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(oplog, filter, options, nullptr);
    bson_error_t error;
    while (stop_requested == 0) {
      const bson_t* entry = nullptr;
      if (mongoc_cursor_next(cursor, &entry)) {
        SendInserts(entry, argv[2], argv[4], sender);
      } else if (mongoc_cursor_error(cursor, &error) && stop_requested == 0) {
        Fail("oplog", error.message);
      }
    }
    mongoc_cursor_destroy(cursor);
  }
  bson_destroy(options);
  bson_destroy(filter);
  bson_destroy(&from);
  bson_value_destroy(&end);
  mongoc_collection_destroy(oplog);
  mongoc_client_destroy(client);
  mongoc_cleanup();
  return 0;
}
