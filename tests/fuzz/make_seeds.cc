// Makes the inputs to begin with, of what the other tests compare with: `make_seeds TESTS RENDERED
// OUT` reads the folder TESTS and the file RENDERED (tests/encoding) and writes
// OUT/<target>/<number>, and OUT/configuration.dict.

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/property_table.h"
#include "mongo/bson.h"
#include "tailer/entry_decoder.h"

namespace shardtail {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Stop(std::string_view why) {
  std::cerr << "make_seeds: " << why << "\n";
  std::exit(1);
}

class Seeds {
 public:
  explicit Seeds(fs::path directory) : directory_(std::move(directory)) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void Add(std::string_view bytes) {
    std::ofstream out(directory_ / std::to_string(count_++), std::ios::binary);
    if (!(out << bytes)) Stop("cannot write to " + directory_.string());
  }

 private:
  const fs::path directory_;
  int count_ = 0;
};

std::string Bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) Stop("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> Lines(const fs::path& path) {
  std::ifstream in(path);
  if (!in.is_open()) Stop("cannot read " + path.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  return lines;
}

// In the order of their names, so that a seed has the same number each time.
std::vector<fs::path> FilesIn(const fs::path& directory, std::string_view ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<bson::Timestamp> Previous(bson::View entry) {
  const auto previous = entry.Find("prevOpTime");
  if (!previous.has_value() || previous->type != bson::Type::kDocument) return std::nullopt;
  const auto ts = tailer::EntryTimestamp(previous->AsDocument());
  if (!ts.ok()) return std::nullopt;
  return *ts;
}

// Every entry, and behind it those that its transaction goes back to.
void AddOplogEntries(const fs::path& file, Seeds* seeds) {
  std::vector<bson::Document> entries;
  std::map<bson::Timestamp, const bson::Document*> by_time;
  for (const std::string& line : Lines(file)) {
    const auto labelled = bson::FromJson(line);
    if (!labelled.ok()) Stop(labelled.status().ToString());
    entries.emplace_back(labelled->view().Find("entry")->AsDocument());
  }
  for (const bson::Document& entry : entries) {
    const auto ts = tailer::EntryTimestamp(entry);
    if (ts.ok()) by_time[*ts] = &entry;
  }
  constexpr size_t kLargest = 16384;
  for (const bson::Document& entry : entries) {
    std::string seed(entry.view().bytes());
    bson::View newest = entry;
    for (auto ts = Previous(newest); ts.has_value(); ts = Previous(newest)) {
      const auto found = by_time.find(*ts);
      if (found == by_time.end()) break;
      newest = *found->second;
      seed += newest.bytes();
    }
    if (seed.size() <= kLargest) seeds->Add(seed);
  }
}

void AddHexDocuments(const fs::path& file, Seeds* seeds) {
  for (const std::string& line : Lines(file)) {
    std::string bytes;
    for (size_t i = 0; i + 1 < line.find('\t'); i += 2) {
      bytes += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
    }
    seeds->Add(bytes);
  }
}

void AddConfigurations(const fs::path& golden, const fs::path& dictionary, Seeds* seeds) {
  for (const fs::path& file : FilesIn(golden, ".properties")) seeds->Add(Bytes(file));
  std::ofstream names(dictionary);
  std::string all;
  for (const config::PropertyGroup& group : config::PropertyTable()) {
    for (const config::Property& property : group.properties) {
      const std::string line = fmt::format("{}={}\n", property.name, property.default_text);
      seeds->Add(line);
      all += line;
      names << '"' << property.name << "\"\n";
      for (const std::string& other : property.other_names) names << '"' << other << "\"\n";
    }
  }
  seeds->Add(all);
  for (const char* word : {"${env:", "${file:/f:password}", "${dir:/d:f}", "config.providers."}) {
    names << '"' << word << "\"\n";
  }
}

void AddOffsets(const fs::path& tests, Seeds* seeds) {
  seeds->Add(Bytes(tests / "offsets/fixtures/connect-offsets.dat"));
  seeds->Add(Bytes(tests / "golden/connect-standalone-offsets.dat"));
  for (const fs::path& file : FilesIn(tests / "golden", ".txt")) {
    if (file.filename().string().find("offsets") == std::string::npos) continue;
    for (const std::string& line : Lines(file)) {
      const size_t tab = line.find('\t');
      if (tab == std::string::npos) continue;
      seeds->Add(line.substr(0, tab));
      seeds->Add(line.substr(tab + 1));
    }
  }
}

}  // namespace
}  // namespace shardtail

int main(int argc, char** argv) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  if (argc != 4) Stop("give TESTS, RENDERED and OUT");
  const fs::path tests = argv[1];
  const fs::path out = argv[3];
  Seeds entries(out / "oplog_entry");
  for (const fs::path& file : FilesIn(tests / "tailer/testdata/oplog", ".jsonl")) {
    AddOplogEntries(file, &entries);
  }
  Seeds documents(out / "bson_json");
  AddHexDocuments(argv[2], &documents);
  Seeds configurations(out / "configuration");
  AddConfigurations(tests / "golden", out / "configuration.dict", &configurations);
  Seeds offsets(out / "stored_offset");
  AddOffsets(tests, &offsets);
}
