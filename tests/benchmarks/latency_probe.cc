// How long a write takes from its client to a consumer in Kafka, through a capture that runs.
//
//   latency_probe URI DATABASE COLLECTION BOOTSTRAP TOPIC RATE SECONDS WRITERS BATCH
//
// Inserts RATE documents of 250 bytes a second, BATCH in one command, by as many connections as
// there are WRITERS, with majority write concern and at fixed times: a late answer does not hold
// the next command back, as long as a writer is free. The clock of a document starts just before
// the call that inserts it, and stops when a consumer in the same process has its record, which it
// knows by a mark in the document ("@000000042@"), whatever the record's form. The first two
// seconds do not count. The topic must be there.
//
// Prints one line of JSON: how many documents and seconds, duplicates, and percentiles, in
// milliseconds, until the server's answer and until the consumer's receipt. Fails when a record
// does not come within a minute.

#include <librdkafka/rdkafka.h>
#include <mongoc/mongoc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kWarmUpSeconds = 5;
constexpr size_t kDigits = 9;

[[noreturn]] void Fail(const char* what, const char* why) {
  std::fprintf(stderr, "latency_probe: %s: %s\n", what, why);
  std::_Exit(1);
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

struct Times {
  std::vector<std::atomic<int64_t>> sent;
  std::vector<std::atomic<int64_t>> answered;
  std::vector<std::atomic<int64_t>> received;
  std::binary_semaphore all_received{0};
  std::atomic<int64_t> duplicates = 0;

  explicit Times(size_t count) : sent(count), answered(count), received(count) {}
};

// The number in the mark of a record; -1 where there is none.
int64_t FindMark(std::string_view value) {
  for (size_t at = value.find('@'); at != std::string_view::npos; at = value.find('@', at + 1)) {
    if (at + kDigits + 1 < value.size() && value[at + kDigits + 1] == '@') {
      const std::string digits(value.substr(at + 1, kDigits));
      if (digits.find_first_not_of("0123456789") == std::string::npos) {
        return std::atoll(digits.c_str());
      }
    }
  }
  return -1;
}

class Receiver {
 public:
  Receiver(const char* bootstrap, const char* topic) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char error[256];
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, error, sizeof error);
    rd_kafka_conf_set(conf, "group.id", "latency_probe", error, sizeof error);
    consumer_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (consumer_ == nullptr) Fail("no consumer", error);
    rd_kafka_topic_t* handle = rd_kafka_topic_new(consumer_, topic, nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    if (const auto code = rd_kafka_metadata(consumer_, 0, handle, &metadata, 10'000)) {
      Fail(topic, rd_kafka_err2str(code));
    }
    rd_kafka_topic_partition_list_t* partitions = rd_kafka_topic_partition_list_new(8);
    for (int number = 0; number < metadata->topics[0].partition_cnt; ++number) {
      int64_t low = 0;
      int64_t high = 0;
      if (const auto code =
              rd_kafka_query_watermark_offsets(consumer_, topic, number, &low, &high, 10'000)) {
        Fail(topic, rd_kafka_err2str(code));
      }
      rd_kafka_topic_partition_list_add(partitions, topic, number)->offset = high;
    }
    rd_kafka_assign(consumer_, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() {
    rd_kafka_consumer_close(consumer_);
    rd_kafka_destroy(consumer_);
  }

  void Run(const std::stop_token& stop, Times& times) {
    size_t receipts = 0;
    while (!stop.stop_requested()) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_, 100);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->payload != nullptr) {
        const int64_t now = Now();
        const int64_t mark = FindMark({static_cast<const char*>(message->payload), message->len});
        if (mark >= 0 && mark < static_cast<int64_t>(times.received.size())) {
          int64_t never = 0;
          if (times.received[static_cast<size_t>(mark)].compare_exchange_strong(never, now)) {
            if (++receipts == times.received.size()) times.all_received.release();
          } else {
            ++times.duplicates;
          }
        }
      }
      rd_kafka_message_destroy(message);
    }
  }

 private:
  rd_kafka_t* consumer_;
};

// About 250 bytes of BSON.
bson_t* MakeDocument(int64_t number) {
  char mark[kDigits + 3];
  std::snprintf(mark, sizeof mark, "@%09lld@", static_cast<long long>(number));
  return BCON_NEW(
      "_id", BCON_INT64(number), "mark", BCON_UTF8(mark), "name", BCON_UTF8("Anne Kretchmar"),
      "age", BCON_INT32(42), "balance", BCON_DOUBLE(1.25 * static_cast<double>(number)), "active",
      BCON_BOOL(true), "address", "{", "street", BCON_UTF8("17 Main Street"), "city",
      BCON_UTF8("Springfield"), "zip", BCON_UTF8("01234"), "}", "tags", "[", BCON_UTF8("alpha"),
      BCON_UTF8("beta"), "]", "note", BCON_UTF8("xxxxxxxxxxxxxxxxxxxxxxxx"));
}

struct Load {
  const char* database;
  const char* collection;
  int64_t documents;
  int64_t batch;
  double rate;
  int writers;
};

void Write(mongoc_client_pool_t* pool, const Load& load, int writer, Clock::time_point begin,
           Times& times) {
  mongoc_client_t* client = mongoc_client_pool_pop(pool);
  mongoc_collection_t* collection =
      mongoc_client_get_collection(client, load.database, load.collection);
  mongoc_write_concern_t* majority = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(majority, 0);
  mongoc_collection_set_write_concern(collection, majority);
  const std::chrono::duration<double> interval(static_cast<double>(load.batch) / load.rate);
  for (int64_t command = writer; command * load.batch < load.documents; command += load.writers) {
    mongoc_bulk_operation_t* command_sent =
        mongoc_collection_create_bulk_operation_with_opts(collection, nullptr);
    const int64_t first = command * load.batch;
    const int64_t end = std::min(first + load.batch, load.documents);
    for (int64_t number = first; number < end; ++number) {
      bson_t* document = MakeDocument(number);
      mongoc_bulk_operation_insert(command_sent, document);
      bson_destroy(document);
    }
    std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(
                                              interval * static_cast<double>(command)));
    const int64_t sent = Now();
    for (int64_t number = first; number < end; ++number) {
      times.sent[static_cast<size_t>(number)] = sent;
    }
    bson_error_t error;
    bson_t reply;
    if (mongoc_bulk_operation_execute(command_sent, &reply, &error) == 0) {
      Fail("insert", error.message);
    }
    const int64_t answered = Now();
    for (int64_t number = first; number < end; ++number) {
      times.answered[static_cast<size_t>(number)] = answered;
    }
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(command_sent);
  }
  mongoc_write_concern_destroy(majority);
  mongoc_collection_destroy(collection);
  mongoc_client_pool_push(pool, client);
}

// Prints the percentiles of `until` since they were sent, of the documents from `first` on.
void PrintPercentiles(const char* name, const Times& times,
                      const std::vector<std::atomic<int64_t>>& until, size_t first) {
  std::vector<double> milliseconds;
  for (size_t number = first; number < until.size(); ++number) {
    milliseconds.push_back(static_cast<double>(until[number] - times.sent[number]) / 1e6);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto at = [&](double share) {
    return milliseconds[std::min(
        milliseconds.size() - 1,
        static_cast<size_t>(share * static_cast<double>(milliseconds.size())))];
  };
  std::printf(
      ", \"%s\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f, "
      "\"percentiles\": [",
      name, at(0.5), at(0.9), at(0.99), at(0.999), milliseconds.back());
  for (int step = 0; step <= 200; ++step) {
    std::printf("%s%.3f", step == 0 ? "" : ", ", at(static_cast<double>(step) / 200));
  }
  std::printf("]}");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 10) {
    std::fprintf(
        stderr,
        "usage: latency_probe URI DATABASE COLLECTION BOOTSTRAP TOPIC RATE SECONDS WRITERS "
        "BATCH\n");
    return 2;
  }
  const double rate = std::atof(argv[6]);
  const double seconds = std::atof(argv[7]);
  const Load load{.database = argv[2],
                  .collection = argv[3],
                  .documents = static_cast<int64_t>(rate * (seconds + kWarmUpSeconds)),
                  .batch = std::atoll(argv[9]),
                  .rate = rate,
                  .writers = std::atoi(argv[8])};
  mongoc_init();
  mongoc_uri_t* uri = mongoc_uri_new(argv[1]);
  if (uri == nullptr || load.batch < 1 || load.writers < 1 || load.documents < 1) {
    Fail("arguments", "not a connection string, or a number that is not above 0");
  }
  mongoc_client_pool_t* pool = mongoc_client_pool_new(uri);
  mongoc_client_pool_max_size(pool, static_cast<uint32_t>(load.writers));
  Times times(static_cast<size_t>(load.documents));
  Receiver receiver(argv[4], argv[5]);
  std::jthread receiving([&](const std::stop_token& stop) { receiver.Run(stop, times); });

  const auto begin = Clock::now() + std::chrono::milliseconds(200);
  {
    std::vector<std::jthread> writers;
    writers.reserve(static_cast<size_t>(load.writers));
    for (int writer = 0; writer < load.writers; ++writer) {
      writers.emplace_back([&, writer] { Write(pool, load, writer, begin, times); });
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  if (!times.all_received.try_acquire_for(std::chrono::minutes(1))) {
    Fail(argv[5], "a record did not come within a minute");
  }
  receiving.request_stop();
  receiving.join();
  std::printf("{\"documents\": %lld, \"seconds\": %.3f, \"duplicates\": %lld",
              static_cast<long long>(load.documents), took.count(),
              static_cast<long long>(times.duplicates));
  const auto first = static_cast<size_t>(kWarmUpSeconds * rate);
  PrintPercentiles("answered", times, times.answered, first);
  PrintPercentiles("received", times, times.received, first);
  std::printf("}\n");
  mongoc_client_pool_destroy(pool);
  mongoc_uri_destroy(uri);
  mongoc_cleanup();
  return 0;
}
