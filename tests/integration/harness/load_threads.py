"""What all loads have in common: threads that write until they are stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from integration.harness.waiting import wait_for


class LoadThreads:
    """Threads that run from `with` to its end, or to stop(); they may be started again.

    A subclass's _write() is what thread `number` does until _stop is set. It counts `operations`,
    which is about right where several threads do so.
    """

    def __init__(self, threads: int = 1) -> None:
        self.operations = 0
        self._thread_count = threads
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._errors: list[BaseException] = []

    def __enter__(self) -> Self:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._run, args=(number,))
                         for number in range(self._thread_count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Waits for the writes under way; raises what a thread could not do."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def wait(self, more: int, alive: Callable[[], bool] = lambda: True) -> None:
        """Returns after so many operations more, or when a thread has failed.

        `alive` raises when it is no use to wait: whoever reads them has ended.
        """
        goal = self.operations + more
        wait_for(f"{goal} operations",
                 lambda: alive() and (self._errors or self.operations >= goal))

    def _write(self, number: int) -> None:
        raise NotImplementedError

    def _run(self, number: int) -> None:
        try:
            self._write(number)
        except BaseException as error:
            self._errors.append(error)
