"""A server that shakes hands by TLS and says nothing more: for certificates that no mongod takes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

HOST = "127.0.0.1"


class TlsServer:
    """Listens on a free port with this certificate, from the start to stop()."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # stopped
                return
            self.connections += 1
            with connection, contextlib.suppress(OSError), self._context.wrap_socket(
                    connection, server_side=True) as client:
                client.settimeout(10)
                client.recv(1)
