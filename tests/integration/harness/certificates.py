"""Certificates for servers on 127.0.0.1, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Certificates:
    """A certificate authority, and a server's certificate and key in one file."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.authority = directory / "ca.pem"
        self.server = directory / "server.pem"
        authority_key, key = directory / "ca.key", directory / "server.key"
        request, certificate = directory / "server.csr", directory / "server.crt"
        extensions = directory / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                 "-subj", "/CN=shardtail tests", "-keyout", authority_key, "-out", self.authority)
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
                 "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", authority_key,
                 "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)
        self.server.write_text(key.read_text() + certificate.read_text())

    @property
    def mongod_options(self) -> list[str]:
        """For a server that takes TLS connections only."""
        return ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(self.server),
                "--tlsCAFile", str(self.authority), "--tlsAllowConnectionsWithoutCertificates"]

    @property
    def client_options(self) -> dict[str, object]:
        """For pymongo."""
        return {"tls": True, "tlsCAFile": str(self.authority)}


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
