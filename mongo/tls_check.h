#ifndef SHARDTAIL_MONGO_TLS_CHECK_H_
#define SHARDTAIL_MONGO_TLS_CHECK_H_

#include "absl/status/status.h"
#include "mongo/interrupt.h"
#include "mongo/options.h"

namespace shardtail::mongo {

// Why no TLS connection to `server` comes about, which the driver does not tell: connects once
// more, for at most connect_timeout and a second, compares the certificates as it does, and sends
// nothing.
//
// kUnauthenticated, with the certificate, the reason and the property: one that expired or is not
// valid yet, is of an authority that is not trusted, or is for another host; our own that expired,
// cannot be read, or is missing where the server wants one. OK: anything else, such as a server
// that is not there or does not speak TLS, or `interrupt` was set. From any thread.
absl::Status CheckTls(const ConnectionOptions& options, const HostAndPort& server,
                      const Interrupt& interrupt);

// The payload that marks a status of CheckTls(), for IsCertificateFailure() and fakes.
inline constexpr char kCertificatePayload[] = "shardtail.mongo.certificate";

// Whether a status is one of CheckTls().
bool IsCertificateFailure(const absl::Status& status);

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_TLS_CHECK_H_
