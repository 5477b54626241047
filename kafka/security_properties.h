#ifndef SHARDTAIL_KAFKA_SECURITY_PROPERTIES_H_
#define SHARDTAIL_KAFKA_SECURITY_PROPERTIES_H_

#include "kafka/translation.h"

namespace shardtail::kafka {

// Translates the properties whose meaning hangs together: `sasl.mechanism` and `sasl.jaas.config`,
// and `ssl.keystore.*` and `ssl.truststore.*`, whose files are looked into: Java's own key store
// format (JKS) is refused with the command that converts it, whatever the type says.
void TranslateSecurity(const ClientProperties& properties, Translation* into);

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_SECURITY_PROPERTIES_H_
