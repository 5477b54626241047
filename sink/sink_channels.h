#ifndef SHARDTAIL_SINK_SINK_CHANNELS_H_
#define SHARDTAIL_SINK_SINK_CHANNELS_H_

#include <functional>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "sink/shared_sink.h"
#include "sink/sink.h"

namespace shardtail::sink {

// One delivery channel for several replica sets: one producer (with its threads, sockets and queue)
// or one file, however many replica sets there are. Each has a Sink and a listener of its own. What
// one replica set sends keeps its order, also from one Sink to the next, and so does what one sends
// after another: where that is needed they belong to the same channels.
//
// A record that fails ends its own replica set's Sink only. A shared sink that fails ends all: each
// replica set hears of it by Send() or EndBatch(), closes its Sink, opens another, and begins at
// its stored offset. The first to do so makes the new shared sink, once nothing of the old one's is
// in flight any more, so that nothing old comes after what is sent again.
//
// Open() may be called from any thread. A Sink may outlive this object.
class SinkChannels {
 public:
  using MakeSink =
      std::function<absl::StatusOr<std::unique_ptr<SharedSink>>(DeliveryListener& listener)>;

  // `make` is called by Open(), by one thread at a time.
  explicit SinkChannels(MakeSink make);
  ~SinkChannels();
  SinkChannels(const SinkChannels&) = delete;
  SinkChannels& operator=(const SinkChannels&) = delete;

  // A way in for one replica set. `listener` must outlive it, and is not called once it is
  // destroyed: what is in flight then may still be delivered, and comes again.
  //   kUnavailable        a failed sink still has records in flight: try again
  //   kResourceExhausted  there are 65,536 already
  //   others              those of `make`
  absl::StatusOr<std::unique_ptr<Sink>> Open(DeliveryListener& listener);

 private:
  class Routes;
  class Channel;

  const MakeSink make_;
  std::mutex mutex_;  // guards routes_
  // Shared with the channels: the last one of a failed sink destroys it.
  std::shared_ptr<Routes> routes_;
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_SINK_CHANNELS_H_
