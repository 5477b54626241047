"""tools/demo, which ./quickstart ends in, shows every kind of event and leaves nothing running.

    SHARDTAIL=build/dev/app/shardtail python3 tests/tools/demo_test.py
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SHARDTAIL_CACHE") or Path.home() / ".cache" / "shardtail")


class DemoTest(unittest.TestCase):

    def setUp(self):
        # Where the demo makes its directory: it stands in the command lines of what it starts.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = directory.name

    def start(self, *arguments):
        return subprocess.Popen(
            [CACHE / "python" / "bin" / "python", "-B", ROOT / "tools" / "demo", "--shardtail",
             os.environ["SHARDTAIL"], *arguments],
            env={**os.environ, "TMPDIR": self.scratch}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def still_running(self):
        """Command lines by process id."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, UnicodeDecodeError):
                continue
            if self.scratch in command:
                found[int(process.name)] = command
        return found

    def wait_for_ends(self, seconds):
        """Of all that still run; whatever outlasts that is left to still_running()."""
        for process in self.still_running():
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(process)
                self.addCleanup(os.close, descriptor)
                select.select([descriptor], [], [], seconds)

    def test_shows_each_operation_and_ends_by_itself(self):
        demo = self.start("--seconds", "8")
        said, _ = demo.communicate(timeout=120)
        self.assertEqual(demo.returncode, 0, said)
        for line in (r'\{"id":"1"\} +r \(read\) +after: \{"_id": 1,"item": "tea",.*\}',
                     r'\{"id":"4"\} +c \(create\) +after: \{"_id": 4,.*"status": "new"\}',
                     r'\{"id":"1"\} +u \(update\) +patch: .*"\$set": \{"status": "paid"\}\}.*',
                     r'\{"id":"2"\} +d \(delete\) +filter: \{"_id": 2\}',
                     r'\{"id":"2"\} +tombstone',
                     r"stopped shardtail \(exit status 0\)"):
            self.assertRegex(said, re.compile(f"^{line}$", re.MULTILINE))
        self.assertEqual(self.still_running(), {})

    def test_leaves_nothing_running_after_ctrl_c(self):
        demo = self.start()
        for line in demo.stdout:
            if "tombstone" in line:
                break
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=60)
        self.assertEqual(demo.returncode, 0, said)
        self.assertEqual(self.still_running(), {})
        self.assertEqual(list(Path(self.scratch).glob("shardtail-demo-*")), [])

    def test_leaves_nothing_running_when_it_is_killed_in_mid_start(self):
        demo = self.start()
        for line in demo.stdout:
            if "Kafka" in line:
                break
        demo.kill()
        demo.communicate(timeout=60)
        self.wait_for_ends(seconds=10)  # the kernel has killed its children, which takes a moment
        self.assertEqual(self.still_running(), {})


if __name__ == "__main__":
    unittest.main()
