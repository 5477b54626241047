#include "mongo/client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mongoc/mongoc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/handle.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "mongo/socket_stream.h"
#include "mongo/tls_check.h"

namespace shardtail::mongo {
namespace {

using UriHandle = base::Handle<mongoc_uri_t, mongoc_uri_destroy>;
using ClientHandle = base::Handle<mongoc_client_t, mongoc_client_destroy>;
using SessionHandle = base::Handle<mongoc_client_session_t, mongoc_client_session_destroy>;
using ReadPreferenceHandle = base::Handle<mongoc_read_prefs_t, mongoc_read_prefs_destroy>;

constexpr absl::Duration kDefaultSocketTimeout = absl::Seconds(30);
constexpr absl::Duration kGoodbye = absl::Seconds(1);
constexpr char kCodePayload[] = "shardtail.mongo.server_code";
constexpr char kReplyPayload[] = "shardtail.mongo.server_reply";

// The server's codes: src/mongo/base/error_codes.yml in MongoDB's sources.
absl::StatusCode ServerCodeToStatus(uint32_t code) {
  switch (code) {
    case 13:  // Unauthorized
      return absl::StatusCode::kPermissionDenied;
    case 18:  // AuthenticationFailed
      return absl::StatusCode::kUnauthenticated;
    case 26:  // NamespaceNotFound
      return absl::StatusCode::kNotFound;
    case 59:  // CommandNotFound
      return absl::StatusCode::kUnimplemented;
    case 136:  // CappedPositionLost
      return absl::StatusCode::kOutOfRange;
    case 6:      // HostUnreachable
    case 7:      // HostNotFound
    case 43:     // CursorNotFound
    case 50:     // MaxTimeMSExpired
    case 89:     // NetworkTimeout
    case 91:     // ShutdownInProgress
    case 133:    // FailedToSatisfyReadPreference
    case 134:    // ReadConcernMajorityNotAvailableYet
    case 175:    // QueryPlanKilled
    case 189:    // PrimarySteppedDown
    case 237:    // CursorKilled
    case 262:    // ExceededTimeLimit
    case 9001:   // SocketException
    case 10107:  // NotWritablePrimary
    case 11600:  // InterruptedAtShutdown
    case 11601:  // Interrupted
    case 11602:  // InterruptedDueToReplStateChange
    case 13435:  // NotPrimaryNoSecondaryOk
    case 13436:  // NotPrimaryOrSecondary
    case 50736:  // getMore with a session on a cursor without one
    case 50737:  // getMore without a session on a cursor with one
    case 50738:  // getMore in another session: the driver drops its own after a network error
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status ToStatus(const bson_error_t& error, bson::View reply, bool cut,
                      const HostAndPort& server, std::string_view command) {
  const auto status = [&](absl::StatusCode code) {
    return absl::Status(code,
                        fmt::format("{} on {}: {}", command, server.ToString(), error.message));
  };
  if (error.domain == MONGOC_ERROR_SERVER) {
    absl::Status answered = status(ServerCodeToStatus(error.code));
    answered.SetPayload(kCodePayload, absl::Cord(std::to_string(error.code)));
    answered.SetPayload(kReplyPayload, absl::Cord(std::string(reply.bytes())));
    return answered;
  }
  if (error.domain == MONGOC_ERROR_CLIENT && error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
    // Also where the connection broke while it logged in, which says nothing of the password.
    return status(cut ? absl::StatusCode::kUnavailable : absl::StatusCode::kUnauthenticated);
  }
  if (error.domain == MONGOC_ERROR_STREAM || error.domain == MONGOC_ERROR_SERVER_SELECTION) {
    return status(absl::StatusCode::kUnavailable);
  }
  return status(absl::StatusCode::kInternal);
}

int32_t ToMilliseconds(absl::Duration duration) {
  return static_cast<int32_t>(
      std::min<int64_t>(absl::ToInt64Milliseconds(duration), std::numeric_limits<int32_t>::max()));
}

void SetCredentials(const ConnectionOptions& options, mongoc_uri_t* uri) {
  if (!options.auth_mechanism.empty()) {
    mongoc_uri_set_auth_mechanism(uri, options.auth_mechanism.c_str());
  }
  if (!options.user.empty()) mongoc_uri_set_username(uri, options.user.c_str());
  if (!options.password.empty()) mongoc_uri_set_password(uri, options.password.c_str());
  if (!options.user.empty() || !options.auth_mechanism.empty()) {
    mongoc_uri_set_auth_source(uri, options.auth_source.c_str());
  }
}

void SetTls(const ConnectionOptions& options, mongoc_uri_t* uri) {
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLS, true);
  if (options.ssl_allow_invalid_hostname) {
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, true);
  }
  if (options.ssl_allow_invalid_certificates) {
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, true);
  }
  for (const auto& [name, value] :
       {std::pair(MONGOC_URI_TLSCAFILE, &options.ssl_ca_file),
        std::pair(MONGOC_URI_TLSCERTIFICATEKEYFILE, &options.ssl_certificate_key_file),
        std::pair(MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD,
                  &options.ssl_certificate_key_password)}) {
    if (!value->empty()) mongoc_uri_set_option_as_utf8(uri, name, value->c_str());
  }
}

absl::StatusOr<UriHandle> MakeUri(const ConnectionOptions& options, const HostAndPort& server) {
  if (server.port < 1 || server.port > 65535) {
    return absl::InvalidArgumentError(fmt::format(
        "mongodb.hosts: port {} of {} is not between 1 and 65535", server.port, server.host));
  }
  UriHandle uri(
      mongoc_uri_new_for_host_port(server.host.c_str(), static_cast<uint16_t>(server.port)));
  if (uri == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("mongodb.hosts: '{}' is not a host name or address", server.host));
  }
  mongoc_uri_set_option_as_bool(uri.get(), MONGOC_URI_DIRECTCONNECTION, true);
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_CONNECTTIMEOUTMS,
                                 ToMilliseconds(options.connect_timeout));
  const bool own_timeout = options.socket_timeout <= absl::ZeroDuration();
  mongoc_uri_set_option_as_int32(
      uri.get(), MONGOC_URI_SOCKETTIMEOUTMS,
      ToMilliseconds(own_timeout ? kDefaultSocketTimeout : options.socket_timeout));
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS,
                                 ToMilliseconds(options.connect_timeout));
  // Else the driver looks at the server anew each minute, which we do ourselves; and where it finds
  // the connection dead then and cannot make another (the server is down, or we were told to stop),
  // libmongoc 1.23 locks a mutex that it holds already, and the thread stays there for ever.
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_HEARTBEATFREQUENCYMS,
                                 std::numeric_limits<int32_t>::max());
  mongoc_uri_set_appname(uri.get(), options.application_name.c_str());
  if (!options.compressors.empty()) {
    mongoc_uri_set_compressors(uri.get(),
                               fmt::format("{}", fmt::join(options.compressors, ",")).c_str());
  }
  SetCredentials(options, uri.get());
  if (options.ssl) SetTls(options, uri.get());
  return uri;
}

void WriteDriverLog(mongoc_log_level_t level, const char* domain, const char* message, void*) {
  // The driver's own errors come back from its calls too; here they only help to debug.
  const bool serious = level == MONGOC_LOG_LEVEL_ERROR || level == MONGOC_LOG_LEVEL_CRITICAL;
  base::Log(serious ? base::LogLevel::kWarn : base::LogLevel::kDebug, "MongoDB driver, {}: {}",
            domain, message);
}

}  // namespace

struct Reply::Storage {
  bson_t bson;
  Storage() { bson_init(&bson); }
  ~Storage() { bson_destroy(&bson); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
};

Reply::Reply(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
Reply::Reply(Reply&&) noexcept = default;
Reply& Reply::operator=(Reply&&) noexcept = default;
Reply::~Reply() = default;

bson::View Reply::view() const {
  return bson::View::Unchecked(bson_get_data(&storage_->bson), storage_->bson.len);
}

struct Client::Connection {
  struct OnStop {
    const mongo::Interrupt* interrupt;
    void operator()() const { interrupt->Set(); }
  };
  explicit Connection(const std::stop_token& stop) : on_stop(stop, OnStop{&waits.interrupt}) {}

  Waits waits;  // outlives the client, whose sockets use it
  std::stop_callback<OnStop> on_stop;
  bool broken = false;  // the last call failed on the network
  // False with the error, and without a session, when the server cannot be reached.
  bool AppendSession(bson_t* to, bson_error_t* error) {
    if (session == nullptr)
      session.reset(mongoc_client_start_session(client.get(), nullptr, error));
    if (session == nullptr) return false;
    if (advance_to != nullptr) {
      mongoc_client_session_advance_cluster_time(session.get(), advance_to);
    }
    return mongoc_client_session_append(session.get(), to, error);
  }

  ClientHandle client;
  SessionHandle session;               // of RunInSession() and RunAfter(); goes before the client
  const bson_t* advance_to = nullptr;  // during RunAfter(): what the server must believe
  ReadPreferenceHandle read_preference;
  ConnectionOptions options;  // for CheckTls()
  bool connected = false;
};

Client::Client(HostAndPort server, std::unique_ptr<Connection> connection)
    : server_(std::move(server)), connection_(std::move(connection)) {}

Client::~Client() {
  // The driver says goodbye to the server, and waits for the answer: not where nobody listens, and
  // never for long, for another connection may have shown already that nobody does.
  LimitWaits(kGoodbye);
  if (connection_->broken) Interrupt();
}

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const ConnectionOptions& options,
                                                       const HostAndPort& server,
                                                       const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const UriHandle uri, MakeUri(options, server));
  auto connection = std::make_unique<Connection>(stop);
  connection->options = options;
  bson_error_t error;
  connection->client.reset(mongoc_client_new_from_uri_with_error(uri.get(), &error));
  if (connection->client == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("cannot connect to {}: {}", server.ToString(), error.message));
  }
  mongoc_client_set_stream_initiator(connection->client.get(), ConnectInterruptibly,
                                     &connection->waits);
  mongoc_client_set_error_api(connection->client.get(), MONGOC_ERROR_API_VERSION_2);
  connection->read_preference.reset(mongoc_read_prefs_new(MONGOC_READ_PRIMARY_PREFERRED));
  return std::unique_ptr<Client>(new Client(server, std::move(connection)));
}

absl::StatusOr<Reply> Client::Run(std::string_view database, bson::View command) {
  return Send(database, command, Session::kAny);
}

absl::StatusOr<Reply> Client::RunInSession(std::string_view database, bson::View command) {
  return Send(database, command, Session::kOwn);
}

absl::StatusOr<Reply> Client::Send(std::string_view database, bson::View command, Session session) {
  bson_t request;
  if (!bson_init_static(&request, command.data(), command.size())) {
    return absl::InternalError("a command that is no BSON document");
  }
  const auto interrupted = [this] {
    return absl::CancelledError(fmt::format("no more waiting for {}", server_.ToString()));
  };
  if (connection_->waits.interrupt.is_set()) return interrupted();
  auto storage = std::make_unique<Reply::Storage>();
  bson_error_t error;
  const std::string name(database);
  bson_t options = BSON_INITIALIZER;
  connection_->waits.cut = false;
  bool ok = session == Session::kAny || connection_->AppendSession(&options, &error);
  if (ok) {
    bson_destroy(&storage->bson);  // the call initialises it anew
    ok = session == Session::kAny
             ? mongoc_client_command_simple(connection_->client.get(), name.c_str(), &request,
                                            connection_->read_preference.get(), &storage->bson,
                                            &error)
             : mongoc_client_command_with_opts(connection_->client.get(), name.c_str(), &request,
                                               connection_->read_preference.get(), &options,
                                               &storage->bson, &error);
  }
  bson_destroy(&options);
  connection_->broken = !ok && error.domain != MONGOC_ERROR_SERVER;
  if (!ok) {
    if (connection_->waits.interrupt.is_set()) return interrupted();
    bson::Reader reader(command);
    bson::Element command_name;
    reader.Next(&command_name);
    const Reply answer(std::move(storage));
    absl::Status status =
        ToStatus(error, answer.view(), connection_->waits.cut, server_, command_name.name);
    if (absl::IsUnavailable(status) && connection_->options.ssl && !connection_->connected) {
      // The driver does not say what it did not like about a certificate.
      const absl::Status tls =
          CheckTls(connection_->options, server_, connection_->waits.interrupt);
      if (connection_->waits.interrupt.is_set()) return interrupted();
      if (!tls.ok()) return tls;
    }
    return status;
  }
  connection_->connected = true;
  return Reply(std::move(storage));
}

absl::StatusOr<Reply> Client::RunAfter(std::string_view database, bson::View command,
                                       const ClusterTime& after) {
  bson::Builder with_concern;
  bson::Reader reader(command);
  for (bson::Element element; reader.Next(&element);) with_concern.Copy(element);
  with_concern.OpenDocument("readConcern")
      .String("level", "majority")
      .Time("afterClusterTime", after.time)
      .Close();
  const bson::View signed_time = after.signed_time.view();
  bson_t cluster_time;
  if (!bson_init_static(&cluster_time, signed_time.data(), signed_time.size())) {
    return absl::InternalError("a cluster time that is no BSON document");
  }
  connection_->advance_to = &cluster_time;
  absl::StatusOr<Reply> reply = Send(database, with_concern.view(), Session::kOwn);
  connection_->advance_to = nullptr;
  return reply;
}

void Client::Interrupt() { connection_->waits.interrupt.Set(); }

void Client::LimitWaits(absl::Duration limit) {
  connection_->waits.limit_ms = ToMilliseconds(limit);
}

std::optional<ClusterTime> ClusterTimeOf(bson::View reply) {
  const auto signed_time = reply.Find("$clusterTime");
  const auto time = reply.Find("operationTime");
  if (!signed_time.has_value() || signed_time->type != bson::Type::kDocument || !time.has_value() ||
      time->type != bson::Type::kTimestamp) {
    return std::nullopt;
  }
  return ClusterTime{.time = time->AsTimestamp(),
                     .signed_time = bson::Document(signed_time->AsDocument())};
}

int ServerErrorCode(const absl::Status& status) {
  const auto payload = status.GetPayload(kCodePayload);
  if (!payload.has_value()) return 0;
  const std::string text(*payload);
  int code = 0;
  std::from_chars(text.data(), text.data() + text.size(), code);
  return code;
}

bson::Document ServerErrorReply(const absl::Status& status) {
  const auto payload = status.GetPayload(kReplyPayload);
  return payload.has_value() ? bson::Document(std::string(*payload)) : bson::Document();
}

void UnlinkDriverCounters() { shm_unlink(fmt::format("/mongoc-{}", getpid()).c_str()); }

DriverScope::DriverScope() {
  mongoc_log_set_handler(WriteDriverLog, nullptr);
  mongoc_init();
}

DriverScope::~DriverScope() { mongoc_cleanup(); }

}  // namespace shardtail::mongo
