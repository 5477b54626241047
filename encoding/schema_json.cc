#include "encoding/schema_json.h"

#include <fmt/format.h>

#include "encoding/topic_name.h"

namespace shardtail::encoding {
namespace {

std::string Field(std::string_view type, bool optional, std::string_view name,
                  std::string_view details = "") {
  return fmt::format(R"({{"type":"{}","optional":{}{},"field":"{}"}})", type, optional, details,
                     name);
}

std::string Struct(std::string_view fields, bool optional, std::string_view details) {
  return fmt::format(R"({{"type":"struct","fields":[{}],"optional":{}{}}})", fields, optional,
                     details);
}

std::string Named(std::string_view name) { return fmt::format(R"(,"name":"{}")", name); }

// An optional string that holds a document as JSON.
std::string JsonField(std::string_view name) {
  return Field("string", true, name, R"(,"name":"io.debezium.data.Json","version":1)");
}

std::string SourceSchema(SourceVersion version) {
  if (version == SourceVersion::kV1) {
    const std::string fields[] = {
        Field("string", true, "version"),
        Field("string", true, "connector"),
        Field("string", false, "name"),
        Field("string", false, "rs"),
        Field("string", false, "ns"),
        Field("int32", false, "sec"),
        Field("int32", false, "ord"),
        Field("int64", true, "h"),
        Field("boolean", true, "initsync", R"(,"default":false)"),
    };
    return Struct(fmt::format("{}", fmt::join(fields, ",")), false,
                  Named("io.debezium.connector.mongo.Source") + R"(,"version":1,"field":"source")");
  }
  const std::string fields[] = {
      Field("string", false, "version"),
      Field("string", false, "connector"),
      Field("string", false, "name"),
      Field("int64", false, "ts_ms"),
      Field("string", true, "snapshot",
            R"(,"name":"io.debezium.data.Enum","version":1)"
            R"(,"parameters":{"allowed":"true,last,false"},"default":"false")"),
      Field("string", false, "db"),
      Field("string", false, "rs"),
      Field("string", false, "collection"),
      Field("int32", false, "ord"),
      Field("int64", true, "h"),
      Field("int64", true, "tord"),
      Field("string", true, "stxnid"),
  };
  return Struct(fmt::format("{}", fmt::join(fields, ",")), false,
                Named("io.debezium.connector.mongo.Source") + R"(,"field":"source")");
}

std::string TransactionSchema() {
  const std::string fields[] = {
      Field("string", false, "id"),
      Field("int64", false, "total_order"),
      Field("int64", false, "data_collection_order"),
  };
  return Struct(fmt::format("{}", fmt::join(fields, ",")), true, R"(,"field":"transaction")");
}

}  // namespace

std::string KeySchemaJson(std::string_view topic) {
  return Struct(Field("string", false, "id"), false,
                Named(ToSchemaName(fmt::format("{}.Key", topic))));
}

std::string ValueSchemaBegin(SourceVersion source_version) {
  const std::string fields[] = {
      JsonField("after"),           JsonField("patch"),          JsonField("filter"),
      SourceSchema(source_version), Field("string", true, "op"), Field("int64", true, "ts_ms"),
      TransactionSchema(),
  };
  return fmt::format(R"({{"type":"struct","fields":[{}],"optional":false)", fmt::join(fields, ","));
}

std::string ValueSchemaEnd(std::string_view topic) {
  return Named(ToSchemaName(fmt::format("{}.Envelope", topic))) + "}";
}

}  // namespace shardtail::encoding
