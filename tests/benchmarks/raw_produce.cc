// The raw limit of writing to Kafka: produces records that lie in memory, with the program's own
// settings of the producer, and does nothing else.
//
//   raw_produce BOOTSTRAP SOURCE_TOPIC TARGET_TOPIC COUNT
//
// The records are the first ones of each partition of the source topic, again and again: as large,
// as compressible and as unlike each other as what a capture wrote there, and mixed as there.
//
// Prints one line of JSON: records, bytes, and seconds.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "kafka/producer_defaults.h"

namespace {

constexpr size_t kKept = 20'000;  // records of the source that are held in memory

struct Record {
  std::string key;
  std::string value;
};

[[noreturn]] void Fail(const char* what, const char* why) {
  std::fprintf(stderr, "raw_produce: %s: %s\n", what, why);
  std::exit(1);
}

void Set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
    Fail(name, error);
  }
}

rd_kafka_t* MakeClient(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char error[256];
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof error);
  if (client == nullptr) Fail("no client", error);
  return client;
}

// As many of each partition: a consumer gets one partition after the other, and a key goes to the
// partition that it came from. With runs of one partition librdkafka waits for each of its batches.
std::vector<Record> ReadRecords(const std::string& bootstrap, const char* topic, size_t count) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  Set(conf, "bootstrap.servers", bootstrap);
  Set(conf, "group.id", "raw_produce");
  Set(conf, "enable.partition.eof", "true");
  rd_kafka_t* consumer = MakeClient(RD_KAFKA_CONSUMER, conf);
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(consumer, topic, nullptr);
  if (const auto code = rd_kafka_metadata(consumer, 0, handle, &metadata, 10'000)) {
    Fail(topic, rd_kafka_err2str(code));
  }
  rd_kafka_topic_partition_list_t* partitions = rd_kafka_topic_partition_list_new(8);
  for (int number = 0; number < metadata->topics[0].partition_cnt; ++number) {
    rd_kafka_topic_partition_list_add(partitions, topic, number)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, partitions);
  std::vector<Record> records;
  const auto partition_count = static_cast<size_t>(partitions->cnt);
  std::vector<size_t> wanted(partition_count, std::max<size_t>(1, count / partition_count));
  while (std::ranges::any_of(wanted, [](size_t left) { return left > 0; })) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 10'000);
    if (message == nullptr) Fail(topic, "cannot be read");
    size_t& left = wanted[static_cast<size_t>(message->partition)];
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      left = 0;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Fail(topic, rd_kafka_message_errstr(message));
    } else if (left > 0) {
      --left;
      records.push_back({{static_cast<const char*>(message->key), message->key_len},
                         {static_cast<const char*>(message->payload), message->len}});
    }
    rd_kafka_message_destroy(message);
  }
  if (records.empty()) Fail(topic, "holds no records");
  std::ranges::shuffle(records, std::mt19937(1));
  rd_kafka_topic_partition_list_destroy(partitions);
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return records;
}

struct Deliveries {
  int64_t records = 0;
  int64_t failed = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: raw_produce BOOTSTRAP SOURCE_TOPIC TARGET_TOPIC COUNT\n");
    return 2;
  }
  const int64_t count = std::atoll(argv[4]);
  const size_t kept = count < static_cast<int64_t>(kKept) ? static_cast<size_t>(count) : kKept;
  std::vector<Record> records = ReadRecords(argv[1], argv[2], kept);

  Deliveries deliveries;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : shardtail::kafka::kProducerDefaults) {
    Set(conf, std::string(name).c_str(), std::string(value));
  }
  Set(conf, "bootstrap.servers", argv[1]);
  Set(conf, "linger.ms", std::string(shardtail::kafka::kLingerMilliseconds));
  Set(conf, "queue.buffering.max.kbytes", std::to_string(shardtail::kafka::kQueueBytes / 1024));
  rd_kafka_conf_set_opaque(conf, &deliveries);
  rd_kafka_conf_set_dr_msg_cb(conf,
                              [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
                                auto* counted = static_cast<Deliveries*>(opaque);
                                ++counted->records;
                                if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) ++counted->failed;
                              });
  rd_kafka_t* producer = MakeClient(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, argv[3], nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  // A topic that is not there yet is made by this question.
  rd_kafka_metadata(producer, 0, topic, &metadata, 10'000);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);

  int64_t bytes = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (int64_t number = 0; number < count; ++number) {
    Record& record = records[static_cast<size_t>(number) % records.size()];
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, record.value.data(),
                            record.value.size(), record.key.data(), record.key.size(),
                            nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        Fail(argv[3], rd_kafka_err2str(rd_kafka_last_error()));
      }
      rd_kafka_poll(producer, 10);
    }
    bytes += static_cast<int64_t>(record.key.size() + record.value.size());
    if (number % 1000 == 0) rd_kafka_poll(producer, 0);
  }
  if (const auto code = rd_kafka_flush(producer, 60'000)) Fail("flush", rd_kafka_err2str(code));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (deliveries.records != count || deliveries.failed != 0) Fail(argv[3], "records were lost");
  std::printf("{\"records\": %lld, \"bytes\": %lld, \"seconds\": %.3f}\n",
              static_cast<long long>(count), static_cast<long long>(bytes), took.count());
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return 0;
}
