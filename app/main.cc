// shardtail: MongoDB change capture to Kafka, as the Debezium 1.3 MongoDB connector does it.

#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "app/check_command.h"
#include "app/health_command.h"
#include "app/offsets_command.h"
#include "app/run_command.h"
#include "app/version.h"
#include "config/configuration.h"
#include "mongo/client.h"

namespace {

using shardtail::app::ConfigurationFiles;

void AddFiles(CLI::App& command, ConfigurationFiles& files) {
  command.add_option("--worker", files.worker,
                     "Kafka Connect's worker file: bootstrap.servers, converters, offset storage");
  command
      .add_option(
          "FILE", files.connector,
          "the connector's configuration: a .properties file, or the JSON for Kafka Connect")
      ->required();
}

}  // namespace

int main(int argc, char** argv) {
  // Where the host makes huge pages for everybody, memory would come in steps of 2 MB, most of each
  // unused. Nothing depends on it: a kernel that refuses leaves the pages as they were.
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  shardtail::mongo::UnlinkDriverCounters();
  CLI::App app(
      "Captures every change of a MongoDB replica set and writes it to Kafka as Debezium 1.3 does.",
      "shardtail");
  app.set_version_flag("--version", std::string("shardtail ") + shardtail::app::kVersion);
  app.require_subcommand(1);

  ConfigurationFiles files;
  CLI::App* run = app.add_subcommand("run", "capture until SIGTERM or Ctrl-C");
  AddFiles(*run, files);

  CLI::App* check = app.add_subcommand(
      "check", "validate configuration, connection, privileges and filters; capture nothing");
  AddFiles(*check, files);

  shardtail::app::OffsetChange change;
  CLI::App* offsets = app.add_subcommand("offsets", "show or change the stored offsets");
  offsets->require_subcommand(1);
  CLI::App* show = offsets->add_subcommand("show", "print each replica set's stored offset");
  AddFiles(*show, files);
  CLI::App* set = offsets->add_subcommand(
      "set", "continue after this oplog entry at the next start; stop the capture first");
  AddFiles(*set, files);
  set->add_option("--replica-set", change.replica_set, "its name")->required();
  set->add_option("--sec", change.seconds, "seconds of the entry's ts")->required();
  set->add_option("--ord", change.increment, "increment of the entry's ts")->required();
  set->add_option("--tord", change.index,
                  "the last operation of the transaction that counts as captured, from 1");
  CLI::App* remove = offsets->add_subcommand(
      "delete", "forget the offset: the next start begins anew; stop the capture first");
  AddFiles(*remove, files);
  remove->add_option("--replica-set", change.replica_set, "its name")->required();

  std::string url = "http://127.0.0.1:8083/health/live";
  CLI::App* health =
      app.add_subcommand("health", "print the health of a running process; 0 when it is UP");
  health->add_option("URL", url, "its /health/live, /health/ready, /health/started or /health")
      ->capture_default_str();

  CLI::App* config = app.add_subcommand("config", "print the reference of all properties");

  CLI11_PARSE(app, argc, argv);

  // Before the configuration: the driver, which reads connection strings, then logs to our log.
  const shardtail::mongo::DriverScope driver;
  if (run->parsed()) return shardtail::app::Run(files);
  if (check->parsed()) return shardtail::app::Check(files);
  if (show->parsed()) return shardtail::app::ShowOffsets(files);
  if (set->parsed()) return shardtail::app::SetOffset(files, change);
  if (health->parsed()) return shardtail::app::Health(url);
  if (remove->parsed()) return shardtail::app::DeleteOffset(files, change);
  if (config->parsed()) std::fputs(shardtail::config::ReferenceMarkdown().c_str(), stdout);
  return 0;
}
