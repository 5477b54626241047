"""Logging in by every mechanism, TLS with every kind of certificate, and what is wrong with each."""

from __future__ import annotations

import json
import os
import re
import unittest
from pathlib import Path
from unittest import mock
from urllib.parse import quote

from integration.harness.case import IntegrationTest
from integration.harness.certificates import Certificates
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import run, write_properties
from integration.harness.tls_server import TlsServer
from integration.harness.waiting import wait_for

# Everything that has a meaning in a URI, a .properties file or SCRAM's messages.
PASSWORD = "p:/?#[]@%20&=,+ü\\ ="
ROLES = [{"role": "read", "db": "local"}, {"role": "read", "db": "shop"}]


class SecurityTest(IntegrationTest):
    """Runs `check` and `run` with the properties of somebody who logs in."""

    def check(self, properties: dict[str, str], *, works: bool) -> str:
        path = write_properties(self.scratch() / "check.properties", {
            "mongodb.name": "dbserver1", "http.port": "0",
            "mongodb.server.selection.timeout.ms": "2000",
            "mongodb.connect.timeout.ms": "2000", **properties})
        result = run("check", path, directory=self.scratch())
        self.assertEqual(result.status == 0, works, result.stdout + result.stderr)
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        self.assertNotIn(quote(PASSWORD, safe=""), result.stdout + result.stderr)
        return result.stdout + result.stderr

    def fails(self, properties: dict[str, str], *words: str) -> None:
        """Both commands say so; `run` ends by itself."""
        report = self.check(properties, works=False)
        ended = run("run", self.scratch() / "check.properties", directory=self.scratch())
        self.assertEqual((ended.status, ended.stdout), (1, ""), ended.stderr)
        for word in words:
            self.assertIn(word, report)
            self.assertIn(word, ended.stderr)


class Login(SecurityTest):
    """SCRAM, where the server takes nobody without."""

    VERSION = "4.4"
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        key_file = cls.directory / "key"
        key_file.write_text("c2hhcmR0YWlsIHRlc3Rz")
        key_file.chmod(0o600)
        cls.replica_set = cls.start_replica_set(cls.VERSION, members=1, key_file=key_file,
                                                user=("root", "sesame"))
        with cls.replica_set.client() as client:
            client["shop"]["orders"].insert_one({"_id": 1})
            for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
                client["users"].command("createUser", f"a@{mechanism}", pwd=PASSWORD, roles=ROLES,
                                        mechanisms=[mechanism])

    def plain(self, user: str, password: str = PASSWORD) -> dict[str, str]:
        return {"mongodb.hosts": self.replica_set.hosts, "mongodb.user": user,
                "mongodb.password": password, "mongodb.authsource": "users"}

    def uri(self, user: str, password: str = PASSWORD, options: str = "") -> dict[str, str]:
        address = self.replica_set.nodes[0].address
        return {"mongodb.connection.string":
                f"mongodb://{quote(user, safe='')}:{quote(password, safe='')}@{address}/users"
                f"?replicaSet=rs0{options}"}

    def test_both_kinds_of_scram_by_properties_and_by_connection_string(self) -> None:
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            user = f"a@{mechanism}"
            self.check(self.plain(user), works=True)
            self.check(self.uri(user), works=True)
            self.check(self.uri(user, options=f"&authMechanism={mechanism}"), works=True)

    def test_properties_win_over_the_connection_string(self) -> None:
        self.check({**self.uri("a@SCRAM-SHA-1", "wrong"), "mongodb.password": PASSWORD},
                   works=True)

    def test_wrong_credentials_fail_at_once_and_name_the_property(self) -> None:
        user = "a@SCRAM-SHA-256"
        for properties in (self.plain(user, "wrong"), self.uri(user, "wrong"),
                           {**self.plain(user), "mongodb.authsource": "admin"},
                           self.uri(user, options="&authMechanism=SCRAM-SHA-1")):
            self.fails(properties, self.replica_set.nodes[0].address, user, "mongodb.password",
                       "mongodb.authsource")
            (self.scratch() / "check.properties").unlink()

    def test_a_wrong_password_is_tried_once(self) -> None:
        before = self.refusals()
        self.check(self.plain("a@SCRAM-SHA-256", "wrong"), works=False)
        wait_for("the refusal in the server's log", lambda: self.refusals() > before)
        self.assertEqual(self.refusals() - before, 1)

    def test_a_password_that_changes_fails_the_capture_and_the_new_one_goes_on(self) -> None:
        with self.replica_set.client() as client:
            client["users"].command("createUser", "rotated", pwd="old", roles=ROLES)
        capture = FileCapture(self.scratch(), self.replica_set, self.plain("rotated", "old"))
        capture.shardtail.start()
        capture.wait_for_snapshot()
        with self.replica_set.client() as client:
            client["users"].command("updateUser", "rotated", pwd="new")
            client["shop"]["orders"].insert_one({"_id": "rotated"})
        # A restart ends the connection that is logged in.
        before = self.refusals()
        node = self.replica_set.nodes[0]
        node.stop()
        node.start()
        node.wait_until_up()
        self.assertEqual(capture.shardtail.wait(seconds=60), 1)
        self.assertRegex(capture.shardtail.log, r"FAILED.*rotated.*mongodb\.password")
        self.assertEqual(self.refusals() - before, 1)
        self.replica_set.primary()
        again = FileCapture(self.scratch(), self.replica_set, self.plain("rotated", "new"))
        again.shardtail.start()
        with self.replica_set.client() as client:
            client["shop"]["orders"].insert_one({"_id": "after"})
        again.wait_until_caught_up()
        again.shardtail.stop()
        keys = [json.loads(event["key"]["id"]) for event in again.events()]
        self.assertEqual([key for key in keys if key in ("rotated", "after")],
                         ["rotated", "after"])

    def test_a_restart_is_not_taken_for_wrong_credentials(self) -> None:
        capture = FileCapture(self.scratch(), self.replica_set, self.plain("a@SCRAM-SHA-256"))
        capture.shardtail.start()
        capture.wait_for_snapshot()
        node = self.replica_set.nodes[0]
        for number in range(3):
            node.kill()
            node.start()
            node.wait_until_up()
            self.replica_set.primary()
            with self.replica_set.client() as client:
                client["shop"]["orders"].insert_one({"_id": f"restart-{number}"})
            capture.wait_until_caught_up()
        capture.shardtail.stop()
        keys = [json.loads(event["key"]["id"]) for event in capture.events()]
        self.assertEqual([key for key in keys if str(key).startswith("restart-")],
                         [f"restart-{number}" for number in range(3)])

    def refusals(self) -> int:
        """On how many connections the server has refused somebody's password."""
        log = next(self.directory.glob("mongo-rs0/*/*.out")).read_text()
        # 4.4 and later say it twice: the driver tries its luck with its first greeting already.
        return len({re.search(r"conn\d+", line)[0] for line in log.splitlines()
                    if "uthentication failed" in line})


class LoginOf42(Login):
    VERSION = "4.2"


class LoginOf60(Login):
    VERSION = "6.0"


class Tls(SecurityTest):
    """A replica set that wants TLS and a client's certificate."""

    VERSION = "4.4"
    SUBJECT = "CN=capture,OU=readers"
    replica_set: ReplicaSet
    certificates: Certificates
    client: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.certificates = Certificates(cls.directory / "certificates")
        cls.client = cls.certificates.issue("client", "/OU=readers/CN=capture")
        options = [option for option in cls.certificates.mongod_options
                   if option != "--tlsAllowConnectionsWithoutCertificates"]
        key_file = cls.directory / "key"
        key_file.write_text("c2hhcmR0YWlsIHRlc3Rz")
        key_file.chmod(0o600)
        cls.replica_set = cls.start_replica_set(
            cls.VERSION, members=1, key_file=key_file, user=("root", "sesame"), options=options,
            client_options={**cls.certificates.client_options,
                            "tlsCertificateKeyFile": str(cls.client)})
        with cls.replica_set.client() as client:
            client["shop"]["orders"].insert_one({"_id": 1})
            client["$external"].command("createUser", cls.SUBJECT, roles=ROLES)
            client.admin.command("createUser", "reader", pwd=PASSWORD, roles=ROLES)

    @property
    def tls(self) -> dict[str, str]:
        return {"mongodb.hosts": self.replica_set.hosts, "mongodb.ssl.enabled": "true",
                "mongodb.ssl.ca.file": str(self.certificates.authority)}

    @property
    def scram(self) -> dict[str, str]:
        return {**self.tls, "mongodb.user": "reader", "mongodb.password": PASSWORD,
                "mongodb.ssl.certificate.key.file": str(self.client)}

    def uri(self, options: str = "") -> dict[str, str]:
        address = self.replica_set.nodes[0].address
        return {"mongodb.connection.string":
                f"mongodb://{address}/?replicaSet=rs0&tls=true"
                f"&tlsCAFile={quote(str(self.certificates.authority), safe='')}"
                f"&tlsCertificateKeyFile={quote(str(self.client), safe='')}{options}"}

    def test_a_password_over_tls(self) -> None:
        self.check(self.scram, works=True)

    def test_x509_by_a_user_without_a_password(self) -> None:
        self.check({**self.tls, "mongodb.user": self.SUBJECT,
                    "mongodb.ssl.certificate.key.file": str(self.client)}, works=True)

    def test_x509_by_the_connection_string(self) -> None:
        self.check(self.uri("&authMechanism=MONGODB-X509"), works=True)
        self.check(self.uri("&authMechanism=MONGODB-X509&authSource=%24external"), works=True)

    def test_x509_captures(self) -> None:
        properties = {**self.uri("&authMechanism=MONGODB-X509"), "mongodb.hosts": ""}
        capture = FileCapture(self.scratch(), self.replica_set, properties)
        capture.shardtail.start()
        capture.wait_for_snapshot()
        with self.replica_set.client() as client:
            client["shop"]["orders"].insert_one({"_id": 2})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual([json.loads(event["key"]["id"]) for event in capture.events()][:1], [1])
        self.assertIn(2, [json.loads(event["key"]["id"]) for event in capture.events()])

    def test_x509_of_somebody_else(self) -> None:
        other = self.certificates.issue("other", "/OU=readers/CN=other")
        self.fails({**self.tls, "mongodb.user": "CN=other,OU=readers",
                    "mongodb.ssl.certificate.key.file": str(other)},
                   "CN=other,OU=readers", "mongodb.ssl.certificate.key.file")

    def test_later_connectors_stores_with_a_password(self) -> None:
        encrypted = self.certificates.issue("encrypted", "/CN=other", password="open sesame")
        later = {**self.scram, "mongodb.ssl.truststore": str(self.certificates.authority),
                 "mongodb.ssl.keystore": str(encrypted), "mongodb.ssl.keystore.type": "PEM"}
        for name in ("mongodb.ssl.ca.file", "mongodb.ssl.certificate.key.file"):
            del later[name]
        self.check({**later, "mongodb.ssl.keystore.password": "open sesame"}, works=True)
        self.fails({**later, "mongodb.ssl.keystore.password": "wrong"},
                   "mongodb.ssl.certificate.key.file", str(encrypted))

    def test_no_client_certificate(self) -> None:
        without = self.scram
        del without["mongodb.ssl.certificate.key.file"]
        self.fails(without, self.replica_set.nodes[0].address, "client's certificate",
                   "mongodb.ssl.certificate.key.file")

    def test_a_client_certificate_that_expired(self) -> None:
        expired = self.certificates.issue("expired", "/OU=readers/CN=late", days=-1)
        self.fails({**self.scram, "mongodb.ssl.certificate.key.file": str(expired)},
                   "CN=late", "expired on", str(expired))

    def test_an_authority_that_is_not_trusted(self) -> None:
        others = Certificates(self.scratch() / "others")
        self.fails({**self.scram, "mongodb.ssl.ca.file": str(others.authority)},
                   "CN=shardtail tests", "not trusted", "mongodb.ssl.ca.file")


class Certificate(SecurityTest):
    """What a server's certificate may lack, told by each command in one attempt."""

    def fails_by(self, certificate: Path, certificates: Certificates, *words: str) -> None:
        server = TlsServer(certificate)
        self.addCleanup(server.stop)
        self.check({"mongodb.hosts": f"rs0/{server.address}", "mongodb.ssl.enabled": "true",
                    "mongodb.ssl.ca.file": str(certificates.authority)}, works=False)
        # The driver's attempt, and the one that finds out why it failed.
        self.assertEqual(server.connections, 2)
        self.fails({"mongodb.hosts": f"rs0/{server.address}", "mongodb.ssl.enabled": "true",
                    "mongodb.ssl.ca.file": str(certificates.authority)}, server.address, *words)

    def test_one_that_expired(self) -> None:
        certificates = Certificates(self.scratch() / "certificates")
        self.fails_by(certificates.issue("expired", "/CN=late", days=-1), certificates,
                      "CN=late", "expired on")

    def test_one_for_another_host(self) -> None:
        certificates = Certificates(self.scratch() / "certificates")
        certificate = certificates.issue("elsewhere", "/CN=db.example",
                                         names="DNS:db.example,IP:192.0.2.1")
        self.fails_by(certificate, certificates, "CN=db.example", "another host",
                      "mongodb.ssl.invalid.hostname.allowed")


class Srv(SecurityTest):
    """A mongodb+srv:// name, in a DNS that Debian's resolver wrappers read from a file.

    They know SRV records; what a TXT record adds is not tested.
    """

    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set("4.4", members=1)
        with cls.replica_set.client() as client:
            client["shop"]["orders"].insert_one({"_id": 1})
        hosts, records = cls.directory / "hosts", cls.directory / "records"
        hosts.write_text("127.0.0.1 db.shardtail.test\n")
        records.write_text("SRV _mongodb._tcp.cluster.shardtail.test db.shardtail.test "
                           f"{cls.replica_set.nodes[0].port}\n")
        resolver = mock.patch.dict(os.environ, {
            "LD_PRELOAD": "libresolv_wrapper.so libnss_wrapper.so",
            "RESOLV_WRAPPER_HOSTS": str(records), "NSS_WRAPPER_HOSTS": str(hosts),
            # The runtime of a sanitizer's build minds what comes before it, and RTLD_DEEPBIND.
            "RESOLV_WRAPPER_DISABLE_DEEPBIND": "1", "NSS_WRAPPER_DISABLE_DEEPBIND": "1",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
        resolver.start()
        cls.addClassCleanup(resolver.stop)

    def test_its_members_are_found_and_captured(self) -> None:
        properties = {"mongodb.hosts": "",
                      "mongodb.connection.string":
                      "mongodb+srv://cluster.shardtail.test/?tls=false&replicaSet=rs0"}
        self.assertIn(f"db.shardtail.test:{self.replica_set.nodes[0].port}",
                      self.check(properties, works=True))
        capture = FileCapture(self.scratch() / "capture", self.replica_set, properties)
        capture.shardtail.start()
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual([json.loads(event["key"]["id"]) for event in capture.events()], [1])

    def test_a_name_that_is_not_there(self) -> None:
        self.fails({"mongodb.connection.string": "mongodb+srv://other.shardtail.test/?tls=false"},
                   "mongodb.connection.string", "dig SRV _mongodb._tcp.other.shardtail.test")


if __name__ == "__main__":
    unittest.main()
