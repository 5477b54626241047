"""Waiting for a thing to become true, with a deadline: no test sleeps for a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_pause = threading.Event()  # never set: its wait is the pause between two looks


def wait_for(what: str, condition: Callable[[], T], *, seconds: float = 60,
             interval: float = 0.05) -> T:
    """Calls `condition` until it returns something true, and returns that.

    Raises TimeoutError, with `what` in its text, after `seconds`. An exception of the condition
    ends the wait: a condition that may fail for a while catches that itself.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}; last seen: {found!r}")
        _pause.wait(interval)
