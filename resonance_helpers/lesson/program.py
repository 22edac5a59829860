"""A notebook's function as a program of its own: it can be killed, and started again.

python -m resonance_helpers.lesson.program ADDRESS  (started by `Program`, which sends the function)
"""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

__all__ = ["CannotTravelError", "Program"]

KEY = "RESONANCE_PROGRAM_KEY"
"""The variable that has what the two processes know each other by, in hex."""


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
        key = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=key)
        port = self._listener.address[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment, KEY: key.hex()},
        )
        threading.Thread(target=self._listen, name="resonance-program", daemon=True).start()
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(len(whole).to_bytes(8, "big") + whole)
            self.process.stdin.flush()
        except OSError:  # it is gone already
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
        self._listener.close()

    def _close_stdin(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            self.process.stdin.close()

    def _listen(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError):  # closed
                return
            except Exception:  # a stranger without the key
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection:
            try:
                kind, what = connection.recv()
                if kind == "ended":
                    self.raised = what
                    self.ended.set()
                    return
                try:
                    self._answer(what)
                    told = ""
                except Exception as error:
                    told = str(error)
                connection.send(told)
            except (OSError, EOFError):
                return  # it was killed meanwhile


def _packed(what: Any) -> bytes:
    """Bytes of a notebook's function: by its value, since no module has it."""
    from cloudpickle import dumps  # type: ignore[import-untyped]  # Dask brings it along

    try:
        return bytes(dumps(what))
    except Exception as error:
        raise CannotTravelError(str(error).partition("\n")[0]) from None


def main(port: str) -> None:
    """Run the function that comes on stdin, then wait until stdin ends."""
    key, address = bytes.fromhex(os.environ.pop(KEY)), ("127.0.0.1", int(port))

    def send(kind: str, what: Any) -> str:
        with Client(address, authkey=key) as connection:
            connection.send((kind, what))
            return "" if kind == "ended" else str(connection.recv())

    def ask(what: Any) -> None:
        if told := send("ask", what):
            raise RuntimeError(told)

    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    function, arguments = pickle.loads(sys.stdin.buffer.read(size))  # from our own parent
    raised = ""
    kept = None
    try:
        kept = function(*arguments, ask)
    except Exception as error:
        raised = f"{type(error).__name__}: {str(error)[:300]}"
    send("ended", raised)
    sys.stdin.buffer.read()
    del kept  # it listened for as long as it was wanted
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
