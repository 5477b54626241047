"""What the documents tell their reader to do works, and prints what they say."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import unittest
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymongo

from integration.harness.case import IntegrationTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.ports import free_port
from integration.harness.processes import Child
from integration.harness.shardtail import binary
from integration.harness.waiting import wait_for

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITE = re.compile(r"db\.(\w+)\.(insertOne|updateOne|deleteOne)\((.*)\)")
LINK = re.compile(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)")

FOLLOWED = ("getting-started.md", "topologies.md")  # block by block


@dataclass(frozen=True)
class Block:
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def blocks(document: Path) -> Iterator[Block]:
    for found in FENCE.finditer(document.read_text()):
        yield Block(found[1], found[2])


def pattern(line: str) -> re.Pattern[str]:
    """`…` stands for anything."""
    return re.compile(".*".join(map(re.escape, line.split("…"))))


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "deploy" / "README.md",
            *sorted((ROOT / "docs").glob("*.md"))]


class Reader(IntegrationTest):
    """Does what a document says, one block after the other.

    The documents' addresses stand for those of servers on free ports.
    """

    replica_set: ReplicaSet
    broker: KafkaBroker
    addresses: dict[str, str]

    def setUp(self) -> None:
        self.port = free_port()
        self.real = {**self.addresses, "localhost:8083": f"localhost:{self.port}"}
        (self.scratch() / "bin").mkdir()
        (self.scratch() / "bin" / "shardtail").symlink_to(Path(binary()).resolve())
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8",
                            "PATH": f"{self.scratch() / 'bin'}:{os.environ['PATH']}"}
        self.running: Child | None = None
        self.addCleanup(self.end_running)

    def as_here(self, text: str) -> str:
        for documented, real in self.real.items():
            text = text.replace(documented, real)
        return text

    def as_documented(self, text: str) -> str:
        for documented, real in self.real.items():
            text = text.replace(real, documented)
        return text.replace(f"127.0.0.1:{self.port}", "127.0.0.1:8083")

    def write_file(self, name: str, text: str) -> None:
        (self.scratch() / name).write_text(self.as_here(text) + f"http.port={self.port}\n")

    def follow(self, document: str) -> int:
        """How many blocks were done."""
        done = 0
        for block in blocks(ROOT / "docs" / document):
            do = {"properties": self.do_properties, "js": self.do_write, "json": self.do_await,
                  "console": self.do_console}.get(block.language)
            if do is not None:
                do(block)
                done += 1
        return done

    def do_properties(self, block: Block) -> None:
        self.write_file(block.lines[0].removeprefix("# "), block.text)

    def do_write(self, block: Block) -> None:
        with self.replica_set.client() as client:
            shop = client["shop"].with_options(write_concern=pymongo.WriteConcern("majority"))
            for line in block.lines:
                collection, function, arguments = WRITE.fullmatch(line).groups()
                function = function.replace("One", "_one")
                getattr(shop[collection], function)(*json.loads(f"[{arguments}]"))

    def do_await(self, block: Block) -> None:
        """The process that runs prints these lines, in their order."""
        for line in block.lines:
            self.await_line(line)

    def do_console(self, block: Block) -> None:
        lines = block.lines
        while lines:
            command = lines.pop(0)
            shown = []
            while lines and not lines[0].startswith(("$ ", "^C")):
                shown.append(lines.pop(0))
            if command == "^C":
                self.interrupt(shown)
            elif command.startswith("$ shardtail run "):
                self.start(command.removeprefix("$ "))
                for line in shown:
                    self.await_line(line)
            else:
                self.run_command(command.removeprefix("$ "), shown)

    def start(self, command: str) -> None:
        self.end_running()
        self.seen = {"out": 0, "err": 0}
        for stream in self.seen:
            (self.scratch() / f"shardtail.{stream}").unlink(missing_ok=True)
        words = command.split()
        self.running = Child("shardtail", [binary(), *words[1:]], self.scratch())

    def printed(self) -> dict[str, list[str]]:
        """What it wrote to both since the start, as far as lines are whole."""
        return {stream: self.as_documented(
            (self.scratch() / f"shardtail.{stream}").read_text()).split("\n")[:-1]
            for stream in self.seen}

    def await_line(self, line: str) -> None:
        """Of events and of the log each keeps its order; how they mix does not matter."""
        wanted = pattern(line)

        def found() -> bool:
            for stream, lines in self.printed().items():
                for number, printed in enumerate(lines[self.seen[stream]:], self.seen[stream]):
                    if wanted.fullmatch(printed):
                        self.seen[stream] = number + 1
                        return True
            assert self.running is not None
            self.running.check_running()
            return False

        wait_for(line, found)

    def interrupt(self, shown: list[str]) -> None:
        assert self.running is not None, "nothing runs"
        os.kill(self.running.pid, signal.SIGINT)
        self.assertEqual(self.running.wait(20), 0)
        self.running = None
        rest = [line for lines in self.printed().values() for line in lines]
        for line in shown:
            self.assertTrue(any(pattern(line).fullmatch(each) for each in rest), line)

    def run_command(self, command: str, shown: list[str]) -> None:
        wanted = [pattern(line) for line in shown]

        def as_shown() -> bool:
            self.last = self.shell(command).stdout.strip("\n").split("\n")
            return (len(self.last) == len(wanted)
                    and all(one.fullmatch(line) for one, line in zip(wanted, self.last)))

        self.last: list[str] = []
        try:
            # What is asked of a running process may be a moment ahead of it.
            wait_for(f"what {command!r} prints", as_shown, seconds=30 if self.running else 0.1)
        except TimeoutError:
            self.fail(f"{command} is documented to print\n" + "\n".join(shown)
                      + "\nand prints\n" + "\n".join(self.last))

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["bash", "-c", self.as_here(command)], cwd=self.scratch(), text=True,
                              env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False)
        done.stdout = self.as_documented(done.stdout)
        return done

    def end_running(self) -> None:
        if self.running is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running.terminate(20)
            self.running = None


class OneReplicaSet(Reader):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set("6.0", members=1)
        cls.broker = cls.start_broker()
        cls.addresses = {"localhost:27017": cls.replica_set.nodes[0].address,
                         "localhost:9092": cls.broker.bootstrap}

    def test_getting_started(self) -> None:
        self.assertGreater(self.follow("getting-started.md"), 15)

    # All documents.

    def test_every_command_of_the_documents_runs(self) -> None:
        properties = ("mongodb.hosts=rs0/localhost:27017\nmongodb.name=all\n"
                      "bootstrap.servers=localhost:9092\noffset.storage.topic=offsets-all\n")
        count = 0
        for document in documents():
            if document.name in FOLLOWED:
                continue
            for block in blocks(document):
                for line in block.lines if block.language in ("sh", "console") else ():
                    command = line.removeprefix("$ ").split(" #")[0].strip()
                    if command.startswith("printf "):
                        self.assertEqual(self.shell(command).returncode, 0, command)
                        with (self.scratch() / "look.properties").open("a") as file:
                            file.write(f"http.port={self.port}\n")
                    if not command.startswith("shardtail "):
                        continue
                    for name in re.findall(r"\S+\.properties\b", command):
                        if name != "look.properties":  # printf has made it
                            self.write_file(name, properties)
                    with self.subTest(document=document.name, command=command):
                        self.try_command(command)
                        count += 1
        self.assertGreater(count, 4)

    def try_command(self, command: str) -> None:
        if not command.startswith("shardtail run "):
            done = self.shell(command)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
            return
        self.start(self.as_here(command))
        self.await_line("…streaming from …")
        self.interrupt([])

    def test_links_lead_somewhere_and_the_readme_to_every_document(self) -> None:
        for document in documents():
            for link in LINK.findall(document.read_text()):
                if not link.startswith("http"):
                    self.assertTrue((document.parent / link).exists(), f"{document}: {link}")
        readme = (ROOT / "README.md").read_text()
        linked = {(ROOT / link).resolve() for link in LINK.findall(readme)}
        for document in documents()[1:]:
            self.assertIn(document, linked, "README.md does not link it")

    def test_the_configurations_of_deploy_are_valid(self) -> None:
        manifests = (ROOT / "deploy" / "kubernetes" / "shardtail.yaml").read_text()
        [of_pods] = re.findall(r"(?m)^  shardtail\.properties: \|\n((?:    .*\n)+)", manifests)
        of_compose = (ROOT / "deploy" / "compose" / "shardtail.properties").read_text()
        (self.scratch() / "secrets.properties").write_text("mongodb.password=x\n")
        for number, text in enumerate((of_pods, of_compose)):
            # Where this test runs there is neither the pod's name nor its volumes and servers.
            text = re.sub(r"(?m)^ *(mongodb\.hosts|http\.port|bootstrap\.servers)=.*\n", "", text)
            text = text.replace("/etc/shardtail-secrets", str(self.scratch()))
            self.write_file(f"{number}.properties", text + (
                "mongodb.hosts=localhost:27017\nbootstrap.servers=localhost:9092\n"
                "shard.assignment.index=0\n"))
            said = self.shell(f"shardtail check {number}.properties").stdout
            self.assertIn("ok    the configuration is valid", said)


class Cluster(Reader):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cluster = cls.start_cluster("6.0")
        cls.broker = cls.start_broker()
        cluster.create_sharded("shop.orders", 1)
        cluster.move_chunk("shop.orders", 1, "shB")
        cls.addresses = {"cfg/localhost:27019": cluster.hosts,
                         "localhost:27019": cluster.hosts.split("/")[-1],
                         "localhost:27018": cluster.shards["shA"].nodes[0].address,
                         "localhost:27020": cluster.shards["shB"].nodes[0].address,
                         "localhost:9092": cls.broker.bootstrap}

    def test_topologies(self) -> None:
        self.assertGreater(self.follow("topologies.md"), 3)


if __name__ == "__main__":
    unittest.main()
