#include "monitoring/status_document.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace shardtail::monitoring {
namespace {

using metrics::SnapshotState;
using topology::State;

// One JSON object after the other, in the order of the calls.
class Json {
 public:
  Json& Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    return *this;
  }
  Json& Text(std::string_view text) {
    writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return *this;
  }
  Json& Text(std::string_view key, std::string_view text) { return Key(key).Text(text); }
  Json& Number(std::string_view key, int64_t number) {
    Key(key).writer_.Int64(number);
    return *this;
  }
  // With three places: these are seconds and rates.
  Json& Decimal(std::string_view key, double number) {
    Key(key).writer_.Double(std::round(number * 1000) / 1000);
    return *this;
  }
  Json& Null(std::string_view key) {
    Key(key).writer_.Null();
    return *this;
  }
  Json& Time(std::string_view key, int64_t millis) {
    if (millis == 0) return Null(key);
    return Text(key, absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(millis),
                                      absl::UTCTimeZone()));
  }
  Json& Open() {
    writer_.StartObject();
    return *this;
  }
  Json& Close() {
    writer_.EndObject();
    return *this;
  }
  Json& OpenArray() {
    writer_.StartArray();
    return *this;
  }
  Json& CloseArray() {
    writer_.EndArray();
    return *this;
  }
  std::string Result() const { return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n"; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

std::string_view Name(State state) {
  switch (state) {
    case State::kRunning:
      return "RUNNING";
    case State::kWaiting:
      return "WAITING";
    case State::kFailed:
      return "FAILED";
    case State::kStopped:
      return "STOPPED";
    case State::kFinished:
      return "FINISHED";
  }
  return "";
}

std::string_view Name(SnapshotState state) {
  switch (state) {
    case SnapshotState::kNone:
      return "NONE";
    case SnapshotState::kRunning:
      return "RUNNING";
    case SnapshotState::kCompleted:
      return "COMPLETED";
    case SnapshotState::kAborted:
      return "ABORTED";
  }
  return "";
}

std::string_view PhaseName(int64_t phase) {
  switch (static_cast<metrics::Phase>(phase)) {
    case metrics::Phase::kConnecting:
      return "connecting";
    case metrics::Phase::kCopying:
      return "snapshot";
    case metrics::Phase::kStreaming:
      return "streaming";
  }
  return "";
}

void AddOperations(std::string_view key, const metrics::OperationCounters& counters, Json& to) {
  to.Key(key)
      .Open()
      .Number("read", counters.reads.value())
      .Number("create", counters.creates.value())
      .Number("update", counters.updates.value())
      .Number("delete", counters.deletes.value())
      .Close();
}

void AddSnapshot(const metrics::SnapshotMetrics::Progress& snapshot, int64_t now, Json& to) {
  to.Key("snapshot")
      .Open()
      .Text("state", Name(snapshot.state))
      .Time("started_at", snapshot.begun)
      .Time("ended_at", snapshot.ended)
      .Decimal("seconds", absl::ToDoubleSeconds(CopyTime(snapshot, now)))
      .Number("collections", snapshot.collections)
      .Number("remaining_collections", snapshot.remaining)
      .Number("documents", snapshot.documents)
      .Close();
}

void AddReplicaSet(const View& view, int64_t now, Json& to) {
  const metrics::PipelineMetrics& pipeline = view.counted.pipeline;
  const metrics::TailerMetrics& tailer = view.counted.tailer;
  to.Open()
      .Text("name", view.status.replica_set)
      .Text("state", Name(view.status.state))
      .Text("phase", PhaseName(pipeline.phase.value()));
  const std::string member = pipeline.member.value();
  member.empty() ? to.Null("member") : to.Text("member", member);
  if (tailer.position_seconds.value() == 0) {
    to.Null("position");
  } else {
    to.Key("position")
        .Open()
        .Number("sec", tailer.position_seconds.value())
        .Number("ord", tailer.position_increment.value())
        .Close();
  }
  view.lag.has_value() ? to.Decimal("lag_seconds", absl::ToDoubleSeconds(*view.lag))
                       : to.Null("lag_seconds");
  to.Decimal("without_progress_seconds", absl::ToDoubleSeconds(view.progress.still))
      .Decimal("events_per_second", view.progress.events_per_second);
  AddOperations("events_sent", pipeline.sent, to);
  AddOperations("events_filtered", pipeline.filtered, to);
  AddOperations("events_failed", pipeline.failed, to);
  to.Number("unacknowledged_records", pipeline.unacknowledged_records.value())
      .Number("unacknowledged_bytes", pipeline.unacknowledged_bytes.value());
  if (tailer.oplog_window_seconds.value() == 0) {
    to.Null("oplog_window");
  } else {
    to.Key("oplog_window")
        .Open()
        .Number("seconds", tailer.oplog_window_seconds.value())
        .Number("left_seconds", tailer.oplog_window_left_seconds.value())
        .Number("left_percent", tailer.oplog_window_left_percent.value())
        .Close();
  }
  AddSnapshot(view.snapshot, now, to);
  if (view.status.last_error.ok()) {
    to.Null("last_error");
  } else {
    to.Text("last_error", std::string(view.status.last_error.message()));
  }
  to.Time("last_error_at", view.status.last_error_at)
      .Number("failures_in_a_row", view.status.failures_in_a_row)
      .Close();
}

void AddCheck(std::string_view name, bool up, const std::string& reason, Json& to) {
  to.Open().Text("name", name).Text("status", up ? "UP" : "DOWN");
  if (!reason.empty()) to.Key("data").Open().Text("reason", reason).Close();
  to.Close();
}

}  // namespace

std::string StatusDocument(const Views& views, const Share& share, const Options& options,
                           int64_t now) {
  Json to;
  to.Open()
      .Text("name", options.name)
      .Text("version", SHARDTAIL_VERSION)
      .Time("time", now)
      .Key("assignment")
      .Open()
      .Number("count", share.count)
      .Number("index", share.index)
      .Key("elsewhere")
      .OpenArray();
  for (const std::string& replica_set : share.elsewhere) to.Text(replica_set);
  to.CloseArray().Close().Key("replica_sets").OpenArray();
  for (const View& view : views) AddReplicaSet(view, now, to);
  to.CloseArray().Close();
  return to.Result();
}

std::string HealthDocument(const std::vector<Check>& checks) {
  const bool up = std::ranges::all_of(checks, &Check::up);
  Json to;
  to.Open().Text("status", up ? "UP" : "DOWN").Key("checks").OpenArray();
  AddCheck("debezium", up, "", to);
  for (const Check& check : checks)
    AddCheck("replica set " + check.name, check.up, check.reason, to);
  to.CloseArray().Close();
  return to.Result();
}

}  // namespace shardtail::monitoring
