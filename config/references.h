#ifndef SHARDTAIL_CONFIG_REFERENCES_H_
#define SHARDTAIL_CONFIG_REFERENCES_H_

#include "config/findings.h"
#include "config/merge.h"

namespace shardtail::config {

// Puts in what the references in the values stand for, as Kafka's configuration providers do:
//
//   ${env:NAME}           the environment variable
//   ${file:/path:key}     the property `key` of that .properties file
//   ${dir:/path:file}     the content of that file in the directory, without a line end at its end
//
// and by another name where `config.providers` gives one of these providers' classes another. What
// a reference stands for is not looked through for references again. A mistake names the
// property and the reference, and never shows what a file holds.
void ResolveReferences(GivenProperties* given, Findings* mistakes);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_REFERENCES_H_
