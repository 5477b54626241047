"""tools/check-layers finds each kind of violation, planted into a small tree that has none."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "check-layers"

ARCHITECTURE = """
| layer | folder | its one job | may include |
|---|---|---|---|
| 3 | `app` | main | all |
| 2 | `config` | properties | `*/options.h` base |
| 1 | **`mongo`** | the driver | base |
| 0 | `base` | nothing of the domain | – |

| folder | alone includes | namespaces |
|---|---|---|
| `mongo` | `<mongoc/…>` `<bson/…>` | `bson` |
| `base` | `<pcre2.h>` | |
"""


class CheckLayersTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.write("ARCHITECTURE.md", ARCHITECTURE)
        self.write("CMakeLists.txt", "set(SHARDTAIL_FOLDERS\n    base mongo config app)\n")
        for folder in ("app", "config", "mongo", "base"):
            self.write(f"{folder}/README.md", "# What it is for\n")
        self.write("base/regex.cc", '#include <pcre2.h>\n\n#include "absl/status/status.h"\n')
        self.write("mongo/options.h", "namespace shardtail::mongo {\n")
        self.write("mongo/bson.h", "#include <bson/bson.h>\nnamespace shardtail::bson {\n")
        self.write("config/configuration.h", '#include "mongo/options.h"\n')
        self.write("app/main.cc", '#include "config/configuration.h"\n#include "mongo/bson.h"\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def check(self):
        result = subprocess.run([sys.executable, PROGRAM, self.root], capture_output=True, text=True,
                                check=False)
        self.assertEqual(result.stderr, "")
        return result.returncode, result.stdout.splitlines()

    def assert_violations(self, *expected):
        self.assertEqual(self.check(), (1, list(expected)))

    def test_a_tree_that_keeps_to_the_tables_passes(self):
        self.assertEqual(self.check(), (0, ["layers: 4 folders keep to ARCHITECTURE.md"]))

    def test_an_include_upwards(self):
        self.write("base/clock.cc", '\n#include "mongo/bson.h"\n')
        self.assert_violations("base/clock.cc:2: base may not include mongo/")

    def test_a_folder_that_may_include_options_only(self):
        self.write("config/load.cc", '#include "mongo/options.h"\n#include "mongo/bson.h"\n')
        self.assert_violations("config/load.cc:2: config may not include mongo/")

    def test_production_code_that_includes_tests(self):
        (self.root / "tests").mkdir()
        self.write("app/run.cc", '#include "tests/fakes/clock.h"\n')
        self.assert_violations("app/run.cc:1: app may not include tests/")

    def test_a_library_in_a_second_folder(self):
        self.write("app/run.cc", "#include <mongoc/mongoc.h>\n")
        self.assert_violations("app/run.cc:1: only mongo includes <mongoc/mongoc.h>")

    def test_an_include_that_is_not_seen_from_the_root(self):
        self.write("mongo/client.cc", '#include "bson.h"\n')
        self.assert_violations('mongo/client.cc:1: write "mongo/bson.h", as seen from the root')

    def test_another_folders_namespace(self):
        self.write("base/clock.h", "namespace shardtail::mongo {\n")
        self.assert_violations("base/clock.h:1: namespace shardtail::mongo in the folder base")

    def test_the_bare_project_namespace(self):
        self.write("base/clock.h", "namespace shardtail {\n")
        self.assert_violations("base/clock.h:1: namespace shardtail in the folder base")

    def test_a_folder_without_a_line_in_the_table(self):
        self.write("sink/README.md", "")
        self.write("sink/sink.h", "")
        self.assert_violations("sink/: has no line in ARCHITECTURE.md's table of folders")

    def test_a_missing_readme_and_one_that_is_too_long(self):
        (self.root / "base/README.md").unlink()
        self.write("mongo/README.md", "line\n" * 41)
        self.assert_violations("base/README.md: is missing",
                               "mongo/README.md: has 41 lines, 40 at most")

    def test_a_cycle_in_the_table(self):
        self.write("ARCHITECTURE.md", ARCHITECTURE.replace("nothing of the domain | –",
                                                           "nothing of the domain | mongo"))
        self.assert_violations("CMakeLists.txt: base may include mongo, which comes after it")

    def test_a_table_that_names_a_folder_that_it_does_not_have(self):
        self.write("ARCHITECTURE.md", ARCHITECTURE.replace("the driver | base",
                                                           "the driver | bases"))
        self.assert_violations(
            "check-layers: ARCHITECTURE.md: the line of mongo names unknown folders: bases")

    def test_an_architecture_without_tables(self):
        self.write("ARCHITECTURE.md", "# Nothing\n")
        self.assert_violations("check-layers: ARCHITECTURE.md: the tables of folders are not there")


if __name__ == "__main__":
    unittest.main()
