"""Ports that no other test takes, also not one that runs at the same time."""

from __future__ import annotations

import fcntl
import os
import random
import socket
from pathlib import Path

# Below the range from which the kernel gives ports to outgoing connections (from 32768 on).
FIRST, LAST = 20000, 32000

# Not in TMPDIR, which a test may set for what it starts: its ports must be known to all others too.
_DIRECTORY = Path(f"/tmp/shardtail-ports-{os.getuid()}")

_locks: list[int] = []  # file descriptors; the kernel lets the locks go when the process ends


def free_port() -> int:
    """Reserves a port of 127.0.0.1 for this process; two calls never return the same one."""
    _DIRECTORY.mkdir(exist_ok=True)
    for port in random.sample(range(FIRST, LAST), LAST - FIRST):
        lock = os.open(_DIRECTORY / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        if _is_unused(port):
            _locks.append(lock)
            return port
        os.close(lock)
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")


def _is_unused(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
