#include "mongo/tls_check.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "absl/strings/cord.h"
#include "base/clock.h"
#include "base/handle.h"

namespace shardtail::mongo {
namespace {

using ContextHandle = base::Handle<SSL_CTX, SSL_CTX_free>;
using SslHandle = base::Handle<SSL, SSL_free>;
using BioHandle = base::Handle<BIO, BIO_free_all>;

// A server that does not take our certificate hangs up at once.
constexpr absl::Duration kHangUp = absl::Seconds(1);

absl::Status Failure(const HostAndPort& server, std::string_view what) {
  absl::Status status = absl::UnauthenticatedError(
      fmt::format("no TLS connection to {}: {}", server.ToString(), what));
  status.SetPayload(kCertificatePayload, absl::Cord("1"));
  return status;
}

std::string Contents(BIO* memory) {
  char* text = nullptr;
  const int64_t size = BIO_get_mem_data(memory, &text);
  return {text, static_cast<size_t>(size)};
}

std::string Subject(const X509* certificate) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return Contents(memory.get());
}

std::string Time(const ASN1_TIME* time) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(memory.get(), time);
  return Contents(memory.get());
}

std::string Reason() {
  const uint64_t code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

// What is wrong with the other side's certificates, as the verification goes along.
struct Verdict {
  int error = X509_V_OK;
  std::string text;
};

int VerdictIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string Describe(int error, const X509* certificate) {
  const std::string subject = Subject(certificate);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("the server's certificate ({}) expired on {}; renew it", subject,
                         Time(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("the server's certificate ({}) is valid from {} only; see both clocks",
                         subject, Time(X509_get0_notBefore(certificate)));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "the server's certificate ({}) is for another host; connect by a name that it holds, or "
          "give mongodb.ssl.invalid.hostname.allowed=true",
          subject);
    default:
      return fmt::format(
          "the server's certificate ({}) is not trusted: {}; give the file of its authority as "
          "mongodb.ssl.ca.file",
          subject, X509_verify_cert_error_string(error));
  }
}

int Verify(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const verdict = static_cast<Verdict*>(SSL_get_ex_data(ssl, VerdictIndex()));
  if (verdict->error == X509_V_OK) {
    verdict->error = X509_STORE_CTX_get_error(store);
    const X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate == nullptr) certificate = X509_STORE_CTX_get0_cert(store);
    verdict->text = Describe(verdict->error, certificate);
  }
  return 0;
}

int GivePassword(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  const size_t length = std::min(text.size(), static_cast<size_t>(size));
  std::memcpy(buffer, text.data(), length);
  return static_cast<int>(length);
}

// Our own files, without a server.
absl::Status LoadFiles(const ConnectionOptions& options, const HostAndPort& server,
                       SSL_CTX* context) {
  const std::string& authorities = options.ssl_ca_file;
  if (authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_locations(context, authorities.c_str(), nullptr) != 1) {
    return Failure(server,
                   fmt::format("mongodb.ssl.ca.file: {} cannot be read: {}; it must hold the "
                               "authorities' certificates in PEM form",
                               authorities, Reason()));
  }
  const std::string& own = options.ssl_certificate_key_file;
  if (own.empty()) return absl::OkStatus();
  std::string password = options.ssl_certificate_key_password;
  SSL_CTX_set_default_passwd_cb(context, GivePassword);
  SSL_CTX_set_default_passwd_cb_userdata(context, &password);
  const bool read = SSL_CTX_use_certificate_chain_file(context, own.c_str()) == 1 &&
                    SSL_CTX_use_PrivateKey_file(context, own.c_str(), SSL_FILETYPE_PEM) == 1 &&
                    SSL_CTX_check_private_key(context) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (!read) {
    return Failure(server, fmt::format("mongodb.ssl.certificate.key.file: {} cannot be read: {}; "
                                       "it must hold the certificate and its private key in PEM "
                                       "form, the key's password, where it has one, being "
                                       "mongodb.ssl.certificate.key.password",
                                       own, Reason()));
  }
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  const ASN1_TIME* const until = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(until) < 0) {
    return Failure(server, fmt::format("mongodb.ssl.certificate.key.file: the certificate in {} "
                                       "({}) expired on {}; renew it",
                                       own, Subject(certificate), Time(until)));
  }
  return absl::OkStatus();
}

// Repeats `step`, an SSL_…() call on a socket that does not block, for at most `timeout`: its
// SSL_get_error(), SSL_ERROR_WANT_READ and the like where the time is over or `interrupt` is set.
int Finish(SSL* ssl, absl::Duration timeout, const Interrupt& interrupt,
           const std::function<int()>& step) {
  base::Clock& clock = base::Clock::Real();
  const absl::Duration deadline = clock.Monotonic() + timeout;
  while (true) {
    ERR_clear_error();
    const int error = SSL_get_error(ssl, step());
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE &&
        error != SSL_ERROR_WANT_CONNECT) {
      return error;
    }
    const auto events = static_cast<int16_t>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
    std::array<pollfd, 2> waits{{{.fd = SSL_get_fd(ssl), .events = events, .revents = 0},
                                 {.fd = interrupt.fd(), .events = POLLIN, .revents = 0}}};
    const absl::Duration left = std::max(deadline - clock.Monotonic(), absl::ZeroDuration());
    const auto left_ms = static_cast<int>(absl::ToInt64Milliseconds(left));
    if (poll(waits.data(), waits.size(), left_ms) <= 0 || waits[1].revents != 0) return error;
  }
}

void ExpectHost(const ConnectionOptions& options, const HostAndPort& server, SSL* ssl) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, server.host.c_str()) == 1) {
    if (options.ssl_allow_invalid_hostname) X509_VERIFY_PARAM_set1_ip(expected, nullptr, 0);
    return;
  }
  // SSL_set_tlsext_host_name(), whose macro casts in C's way; OpenSSL copies the name.
  SSL_ctrl(
      ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
      const_cast<char*>(server.host.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  if (!options.ssl_allow_invalid_hostname) {
    X509_VERIFY_PARAM_set1_host(expected, server.host.c_str(), server.host.size());
  }
}

}  // namespace

absl::Status CheckTls(const ConnectionOptions& options, const HostAndPort& server,
                      const Interrupt& interrupt) {
  ERR_clear_error();
  const ContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return absl::OkStatus();
  if (absl::Status files = LoadFiles(options, server, context.get()); !files.ok()) {
    return files;
  }
  BioHandle bio(BIO_new_connect(server.ToString().c_str()));
  if (bio == nullptr) return absl::OkStatus();
  BIO_set_nbio(bio.get(), 1);
  const SslHandle ssl(SSL_new(context.get()));
  Verdict verdict;
  SSL_set_ex_data(ssl.get(), VerdictIndex(), &verdict);
  SSL_set_verify(ssl.get(),
                 options.ssl_allow_invalid_certificates ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                 options.ssl_allow_invalid_certificates ? nullptr : Verify);
  ExpectHost(options, server, ssl.get());
  BIO* const owned = bio.release();
  SSL_set_bio(ssl.get(), owned, owned);
  const int connected = Finish(ssl.get(), options.connect_timeout, interrupt,
                               [&ssl] { return SSL_connect(ssl.get()); });
  if (verdict.error != X509_V_OK) return Failure(server, verdict.text);
  if (connected != SSL_ERROR_NONE) return absl::OkStatus();
  // A server speaks when it is spoken to; one that hangs up first did not like our certificate.
  std::array<char, 1> byte{};
  const int read = Finish(ssl.get(), kHangUp, interrupt,
                          [&] { return SSL_read(ssl.get(), byte.data(), byte.size()); });
  if (read == SSL_ERROR_NONE || read == SSL_ERROR_WANT_READ) return absl::OkStatus();
  if (options.ssl_certificate_key_file.empty()) {
    return Failure(server,
                   "the server hung up after the handshake, as it does when it wants a client's "
                   "certificate; give mongodb.ssl.certificate.key.file");
  }
  return Failure(server, fmt::format("the server hung up after the handshake, as it does when it "
                                     "does not trust a client's certificate (here that of {}): see "
                                     "its log",
                                     options.ssl_certificate_key_file));
}

bool IsCertificateFailure(const absl::Status& status) {
  return status.GetPayload(kCertificatePayload).has_value();
}

}  // namespace shardtail::mongo
