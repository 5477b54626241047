#include "kafka/security_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "absl/status/statusor.h"
#include "kafka/jaas.h"

namespace shardtail::kafka {
namespace {

enum class StoreFormat { kPem, kPkcs12, kJks };

// By the content, for Java too takes a PKCS #12 file where the type says JKS.
absl::StatusOr<StoreFormat> FormatOf(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  char head[4] = {};
  if (!file.read(head, sizeof(head))) {
    const int error = errno;
    return absl::InvalidArgumentError(
        fmt::format("cannot read {}: {}", path, error != 0 ? std::strerror(error) : "too short"));
  }
  constexpr char kJksMagic[] = {'\xFE', '\xED', '\xFE', '\xED'};
  if (std::equal(head, head + sizeof(head), kJksMagic)) return StoreFormat::kJks;
  constexpr char kAsn1Sequence = '\x30';
  return head[0] == kAsn1Sequence ? StoreFormat::kPkcs12 : StoreFormat::kPem;
}

const NamedValue* Find(const ClientProperties& properties, const std::string& name) {
  const auto found = properties.find(name);
  return found == properties.end() || found->second.value.empty() ? nullptr : &found->second;
}

void TranslateTrustStore(const ClientProperties& properties, Translation* into) {
  const NamedValue* const location = Find(properties, "ssl.truststore.location");
  if (location == nullptr) return;
  const absl::StatusOr<StoreFormat> format = FormatOf(location->value);
  if (!format.ok()) {
    into->Error(*location, std::string(format.status().message()));
  } else if (*format == StoreFormat::kPem) {
    into->values["ssl.ca.location"] = location->value;
  } else {
    into->Error(
        *location,
        fmt::format("{0} is a Java key store; convert it with `keytool -list -rfc -keystore "
                    "{0} > {0}.pem`, and give {0}.pem",
                    location->value));
  }
}

void TranslateKeyStore(const ClientProperties& properties, Translation* into) {
  const NamedValue* const location = Find(properties, "ssl.keystore.location");
  const NamedValue* const password = Find(properties, "ssl.keystore.password");
  if (location == nullptr) return;
  const absl::StatusOr<StoreFormat> format = FormatOf(location->value);
  if (!format.ok()) {
    into->Error(*location, std::string(format.status().message()));
    return;
  }
  switch (*format) {
    case StoreFormat::kPem:  // the key and the chain of certificates, as Java wants them
      into->values["ssl.certificate.location"] = location->value;
      into->values["ssl.key.location"] = location->value;
      return;
    case StoreFormat::kPkcs12:
      into->values["ssl.keystore.location"] = location->value;
      if (password != nullptr) into->values["ssl.keystore.password"] = password->value;
      return;
    case StoreFormat::kJks:
      into->Error(*location, fmt::format("{0} is a Java key store; convert it with `keytool "
                                         "-importkeystore -srckeystore {0} -destkeystore {0}.p12 "
                                         "-deststoretype PKCS12`, and give {0}.p12",
                                         location->value));
      return;
  }
}

void TakeOption(const JaasEntry& jaas, const std::string& option, const std::string& name,
                Translation* into) {
  const auto found = jaas.options.find(option);
  if (found != jaas.options.end()) into->values[name] = found->second;
}

void TranslateJaas(const NamedValue& property, Translation* into) {
  const absl::StatusOr<JaasEntry> jaas = ParseJaas(property.value);
  if (!jaas.ok()) {
    into->Error(property, fmt::format("{} (it reads `module required name=\"value\" …;`)",
                                      std::string(jaas.status().message())));
    return;
  }
  const std::string_view module =
      std::string_view(jaas->module).substr(jaas->module.rfind('.') + 1);
  if (module == "PlainLoginModule" || module == "ScramLoginModule") {
    for (const char* option : {"username", "password"}) {
      if (!jaas->options.contains(option)) {
        into->Error(property, fmt::format("{} needs {}=\"…\"", module, option));
      }
      TakeOption(*jaas, option, fmt::format("sasl.{}", option), into);
    }
  } else if (module == "Krb5LoginModule") {
    TakeOption(*jaas, "keyTab", "sasl.kerberos.keytab", into);
    TakeOption(*jaas, "principal", "sasl.kerberos.principal", into);
    TakeOption(*jaas, "serviceName", "sasl.kerberos.service.name", into);
  } else {
    into->Error(property, fmt::format("the login module {} is not there; PlainLoginModule, "
                                      "ScramLoginModule and Krb5LoginModule are",
                                      jaas->module));
  }
}

void TranslateMechanism(const ClientProperties& properties, Translation* into) {
  const NamedValue* mechanism = Find(properties, "sasl.mechanism");
  if (mechanism == nullptr) mechanism = Find(properties, "sasl.mechanisms");
  if (mechanism == nullptr) return;
  if (mechanism->value == "OAUTHBEARER" &&
      Find(properties, "enable.sasl.oauthbearer.unsecure.jwt") == nullptr) {
    into->Error(*mechanism,
                "OAUTHBEARER is not there in this build of librdkafka; SCRAM-SHA-512, "
                "SCRAM-SHA-256, PLAIN and GSSAPI are");
    return;
  }
  into->values["sasl.mechanism"] = mechanism->value;
}

}  // namespace

void TranslateSecurity(const ClientProperties& properties, Translation* into) {
  TranslateTrustStore(properties, into);
  TranslateKeyStore(properties, into);
  TranslateMechanism(properties, into);
  if (const NamedValue* const jaas = Find(properties, "sasl.jaas.config"); jaas != nullptr) {
    TranslateJaas(*jaas, into);
  }
}

}  // namespace shardtail::kafka
