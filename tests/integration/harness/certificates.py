"""Certificates for servers on 127.0.0.1, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Certificates:
    """A certificate authority, and a server's certificate and key in one file."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self.authority = directory / "ca.pem"
        self._authority_key = directory / "ca.key"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                 "-subj", "/CN=shardtail tests", "-keyout", self._authority_key,
                 "-out", self.authority)
        self.server = self.issue("server", "/CN=127.0.0.1")

    def issue(self, name: str, subject: str, *, names: str = "IP:127.0.0.1,DNS:localhost",
              days: int = 2, password: str = "") -> Path:
        """A file with a certificate of this authority and its private key.

        It expires after so many days, in the past where negative; `password` encrypts the key.
        """
        key, request, certificate, extensions, whole = (
            self._directory / f"{name}.{ending}"
            for ending in ("key", "csr", "crt", "extensions", "pem"))
        extensions.write_text(f"subjectAltName={names}\n")
        encryption = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        _openssl("req", "-newkey", "rsa:2048", *encryption, "-subj", subject,
                 "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.authority,
                 "-CAkey", self._authority_key, "-CAcreateserial", "-days", days,
                 "-extfile", extensions, "-out", certificate)
        whole.write_text(key.read_text() + certificate.read_text())
        return whole

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
