"""A notebook's function as a program of its own: it can be killed, and started again.

python -m resonance_helpers.lesson.program  (started by `Program`, which sends the function)
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

__all__ = ["CannotTravelError", "Program"]

ENDED = 0
"""The number of the message that says how the function ended; those of questions are higher."""


class CannotTravelError(Exception):
    """The function uses something that no other process can have, such as a connection."""


class Program:
    """A function of ``(*arguments, ask)`` that runs in a process of its own.

    ``ask`` is a function of one argument: what the function gives it comes to `answer` in this
    process, and an exception that `answer` raises is raised there as a RuntimeError.

    Args:
        function: It may use what it imports, what it is given and the environment.
        arguments: What it is called with, before ``ask``.
        environment: Variables, beside those of this process.
        answer: Called with each thing that the program asks, in a thread of its own.

    Attributes:
        ended: Set once the function has returned or raised; the process then waits for `stop`.
        raised: What it raised, as a sentence; empty if it did not.

    Raises:
        CannotTravelError: The function can't be sent to another process; the message says why.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        environment: Mapping[str, str],
        answer: Callable[[Any], object],
    ) -> None:
        self.ended = threading.Event()
        self.raised = ""
        self._answer = answer
        whole = _packed((function, arguments))
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        self._writing = threading.Lock()
        self._listening = threading.Thread(
            target=self._listen, name="resonance-program", daemon=True
        )
        self._listening.start()
        if not self._tell(whole):
            self.ended.set()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would: it can tidy up nothing."""
        self.process.kill()
        self._close()

    def stop(self) -> None:
        """Let it end by itself, or kill it where it does not within five seconds."""
        self._close_stdin()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._close()

    def _close(self) -> None:
        self._close_stdin()
        self.process.wait()
        self._listening.join(5)  # longer only where a process that it started has its pipe

    def _close_stdin(self) -> None:
        assert self.process.stdin is not None
        with self._writing, contextlib.suppress(OSError):  # it is gone already
            self.process.stdin.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        # What is cut off by its end was not said.
        with self.process.stdout as said, contextlib.suppress(EOFError, pickle.UnpicklingError):
            while True:
                number, packed = pickle.load(said)  # from our own child
                if number == ENDED:
                    self.raised = pickle.loads(packed)
                    self.ended.set()
                else:
                    asked = number, packed
                    threading.Thread(target=self._serve, args=asked, daemon=True).start()

    def _serve(self, number: int, packed: bytes) -> None:
        try:
            self._answer(pickle.loads(packed))  # which may want what is not to be had here
            told = ""
        except Exception as error:
            told = str(error)
        self._tell(pickle.dumps((number, told)))

    def _tell(self, message: bytes) -> bool:
        """Whether it could be written to the process."""
        assert self.process.stdin is not None
        try:
            with self._writing:
                self.process.stdin.write(message)
                self.process.stdin.flush()
        except (OSError, ValueError):  # it is gone already, or is to end
            return False
        return True


def _packed(what: Any) -> bytes:
    """Bytes of a notebook's function: by its value, since no module has it."""
    from cloudpickle import dumps  # type: ignore[import-untyped]  # Dask brings it along

    try:
        return bytes(dumps(what))
    except Exception as error:
        raise CannotTravelError(str(error).partition("\n")[0]) from None


def main() -> None:
    """Run the function that comes on stdin, then wait until stdin ends."""
    heard, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # what the function reads and prints is no message
        os.dup2(nothing, standard)
    numbers = itertools.count(ENDED + 1)
    waiting: dict[int, SimpleQueue[str]] = {}
    speaking, over = threading.Lock(), threading.Event()

    def say(number: int, what: Any) -> None:
        message = pickle.dumps((number, pickle.dumps(what)))
        with speaking:
            said.write(message)
            said.flush()

    def ask(what: Any) -> None:
        number = next(numbers)
        answer = waiting[number] = SimpleQueue()
        say(number, what)
        if told := answer.get():
            raise RuntimeError(told)

    def hear() -> None:
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            while True:
                number, told = pickle.load(heard)
                waiting.pop(number).put(told)
        over.set()
        for answer in list(waiting.values()):
            answer.put("The notebook is gone.")

    function, arguments = pickle.load(heard)  # from our own parent
    threading.Thread(target=hear, daemon=True).start()
    raised = ""
    kept = None
    try:
        kept = function(*arguments, ask)
    except (Exception, SystemExit) as error:
        raised = f"{type(error).__name__}: {str(error)[:300]}"
    with contextlib.suppress(OSError):  # nobody wants to know
        say(ENDED, raised)
    over.wait()
    del kept  # it listened for as long as it was wanted
    os._exit(0)


if __name__ == "__main__":
    main()
