#ifndef SHARDTAIL_KAFKA_PRODUCER_DEFAULTS_H_
#define SHARDTAIL_KAFKA_PRODUCER_DEFAULTS_H_

#include <cstdint>
#include <string_view>

namespace shardtail::kafka {

// Bytes of records that were sent and not yet delivered; then Send() waits. It is what the process
// needs in memory, and what is in it should still be in the processor's cache when librdkafka
// compresses it. But librdkafka 2.0's idempotent producer has one batch of a partition on its way
// at a time, and the others must be full by then. (Measured, 4 partitions: 16 MB is a tenth faster
// than 8; 20 MB is no faster; 400 MB was slower by a third, at 325 MB of memory.) Where topics have
// many partitions, or the brokers are far away, more may be wanted: `buffer.memory`.
inline constexpr int64_t kQueueBytes = 16 << 20;

// What a record costs beside its key and value, so that many small ones are bounded too.
inline constexpr int64_t kRecordOverhead = 256;

// The largest record that is handed to the broker, whose own limit (message.max.bytes, 1 MB) is the
// one that counts: 16 MB, MongoDB's largest document, times the growth of the worst case, control
// characters that are escaped twice.
inline constexpr int64_t kLargestRecord = 128 << 20;

// linger.ms where the user gives none: while more records follow, a batch has this long to fill.
// Nothing waits for it at rest or with a full queue: then what waits is sent at once. It is longer
// than a record is in a queue that is being emptied, for librdkafka 2.0 asks again and again about
// one whose time is over while the batch before it is on its way. (Measured, 2 KB documents: 8.0
// CPU seconds for a million records, with 5 ms 9.3; small ones, with 0 ms 6.7 and with 5 ms 5.5.)
inline constexpr std::string_view kLingerMilliseconds = "50";

struct ProducerDefault {
  std::string_view name;
  std::string_view value;
};

inline constexpr ProducerDefault kProducerDefaults[] = {
    // An event is acknowledged when all in-sync replicas have it, and once only, in order.
    {"acks", "all"},
    {"enable.idempotence", "true"},
    // Java's: the same key must go to the same partition as before. librdkafka's own default is
    // another.
    {"partitioner", "murmur2_random"},
    // For ever, as in Kafka Connect: an event is never given up because the broker is away for
    // long.
    {"message.timeout.ms", "0"},
    // Faster than no compression, for less is sent. (Measured: 1.01 M against 0.51 M records a
    // second.)
    {"compression.type", "lz4"},
    // Large batches double the rate, but a batch counts as one message for the broker, whose
    // default limit
    // is 1,048,588 bytes.
    {"batch.size", "1000000"},
    {"message.max.bytes", "134217728"},  // kLargestRecord
    // What is larger is compressed where it lies, without a copy into the request before.
    // (Measured:
    // as fast, and a queue of 16 MB takes 56 MB of memory instead of 70.)
    {"message.copy.max.bytes", "1024"},
    {"client.id", "shardtail"},
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_PRODUCER_DEFAULTS_H_
