"""Child processes that never outlive the test that started them."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_running: list[Child] = []


def bound(*command: str) -> list[str]:
    """The command, to be started by this process: the kernel kills it when this process ends."""
    # It sends no signal for a parent that had ended before it was asked to.
    unless_orphaned = ["sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]
    return ["setpriv", "--pdeathsig", "KILL", *unless_orphaned, *command]


class Child:
    """One process, with its output in files, stopped by its process id and no other way.

    It is stopped when the interpreter ends, normally or by SIGTERM, and the kernel kills it when
    the interpreter itself is killed. For that it must be started by the main thread: the kernel
    watches the thread that started it.
    """

    def __init__(self, name: str, command: Sequence[str], directory: Path,
                 environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.stdout_path = directory / f"{name}.out"
        self.stderr_path = directory / f"{name}.err"
        with self.stdout_path.open("ab") as out, self.stderr_path.open("ab") as err:
            self._process = subprocess.Popen(
                bound(*command), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env={**os.environ, **(environment or {})}, cwd=directory, start_new_session=True)
        _running.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll()

    def check_running(self) -> None:
        """Raises RuntimeError with the end of its log when it is gone."""
        if not self.is_running:
            raise RuntimeError(f"{self.name} ended with status {self.exit_status}:\n{self.tail()}")

    def wait(self, seconds: float) -> int:
        """Waits for its end and returns the exit status; raises subprocess.TimeoutExpired."""
        status = self._process.wait(seconds)
        self._forget()
        return status

    def terminate(self, seconds: float = 30) -> int:
        """SIGTERM; where that takes longer, kills it and raises subprocess.TimeoutExpired."""
        if self.is_running:
            self._process.terminate()
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL: nothing it holds is written or said any more."""
        if self.is_running:
            self._process.kill()
        self.wait(30)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def tail(self, lines: int = 40) -> str:
        texts = [path.read_text(errors="replace") for path in (self.stdout_path, self.stderr_path)]
        return "\n".join("\n".join(text.splitlines()[-lines:]) for text in texts if text)

    def _forget(self) -> None:
        if self in _running:
            _running.remove(self)


def _kill_all() -> None:
    for child in list(_running):
        child.kill()


atexit.register(_kill_all)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
