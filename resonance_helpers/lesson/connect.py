"""`connect()`: the one line at the head of every lesson.

It gives a client of a sandbox on this machine, or of the server that ``RESONANCE_URL`` names.
Nothing else in the package starts a sandbox.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..client.api import ResonanceOSAPIClient
from ..client.errors import ResonanceError
from ..progress import Stopped, shell
from . import board, exercises, sandbox_only, tables

if TYPE_CHECKING:
    from resonance_sandbox import Sandbox

__all__ = ["LessonClient", "SetUpError", "connect"]


class LessonClient(ResonanceOSAPIClient):
    """The client, and beside it the server it talks to.

    Attributes:
        sandbox: The handle of the sandbox (its credentials, its log of requests, its faults), or
            None on another server.
    """

    sandbox: Sandbox | None = None

    @property
    def clock(self) -> Callable[[], float]:
        """What time it is for the server, in seconds since 1970, for what takes a ``clock=``.

        It is the sandbox's clock, which can be advanced; another server's is taken for this
        machine's.
        """
        return time.time if self.sandbox is None else self.sandbox.clock


class SetUpError(RuntimeError):
    """There is no server to learn with; the message says why, and what to do."""


PATIENCE = 120.0
"""Seconds that a sandbox may take to start: in a workshop thirty start on one machine at once."""

INSTALL_SANDBOX = (
    'Fix: run pip install "path/to/the/clone[sandbox]", with the folder of your clone of this '
    "project."
)
"""The package is on no index, so its name alone would bring a stranger's."""

panels: WeakSet[Any] = WeakSet()
"""Widgets of the lessons: `connect()` tells each that it was called again (`reconnected()`)."""

_running: tuple[Sandbox, dict[str, Any]] | None = None
"""The sandbox of this process, and the options it was started with."""


def connect(**options: Any) -> LessonClient:
    """A client that is ready for work, and one line that says of what.

    With ``RESONANCE_URL`` in the environment it is that server's, with the credentials that
    `ResonanceOSAPIClient.from_env` finds there. Otherwise a sandbox is started, once for each
    kernel: a second call puts it back to its first state, so that *Run All* twice prints the same
    twice.

    Args:
        options: Of the sandbox, such as ``latency=0.234`` or ``auth="required"``. Another server
            has its own, and they are ignored there.

    Raises:
        SetUpError: There is no such server, or the sandbox can't start.
    """
    if here := shell():
        show_errors_as_sentences(here)
        tables.show_in(here)
        shield_requests()
    url = os.environ.get("RESONANCE_URL", "").strip()
    api = _elsewhere() if url else _here(options)
    health = api.health_check()
    if health.get("status") not in ("healthy", "degraded"):
        where = "The server that RESONANCE_URL names" if url else "The sandbox"
        fix = "set RESONANCE_URL right, or unset it" if url else "restart the kernel"
        raise SetUpError(
            f"{where} does not work: {health.get('message')} Fix: {fix}, then run this cell again."
        )
    for panel in panels:
        panel.reconnected()
    panels.clear()
    exercises.use(api)
    sandbox_only.follow(api.sandbox is not None)
    place = "the server of RESONANCE_URL" if url else "a sandbox on this machine"
    print(f"Connected to ResonanceOS, {health['status']}: {place}.")
    if notice := board.use():
        print(notice)
    return api


def _elsewhere() -> LessonClient:
    try:
        return LessonClient.from_env()
    except (LookupError, ValueError, ResonanceError) as error:
        reason = str(error).replace("allow_http=True", "RESONANCE_ALLOW_HTTP=1")
        raise SetUpError(f"RESONANCE_URL or what belongs to it is wrong: {reason}") from None


def _here(options: dict[str, Any]) -> LessonClient:
    global _running
    import resonance_sandbox as sandbox

    if _running is not None:
        handle, started_with = _running
        if started_with == options and _reset(handle):
            return _client(handle)
        handle.stop()
        _running = None
    try:
        # Lessons receive events on this machine, which a server otherwise never calls.
        usual = {"still": True, "allow_loopback_webhooks": True, "timeout": PATIENCE}
        handle = sandbox.start(**usual | options)
    except (sandbox.SandboxError, ValueError, TypeError) as error:
        raise SetUpError(f"The sandbox did not start: {_reason(error)}") from None
    _running = handle, options
    return _client(handle)


def _reason(error: Exception) -> str:
    """Why, in one line: a sandbox that crashed at its start tells a whole traceback."""
    last = str(error).strip().splitlines()[-1].removeprefix("the sandbox did not start: ")
    if last.startswith("ModuleNotFoundError: "):
        missing = last.removeprefix("ModuleNotFoundError: ")
        return f"{missing}. {INSTALL_SANDBOX}"
    return last


def _reset(handle: Sandbox) -> bool:
    """Put a running sandbox back to its first state; False if it can't be."""
    from resonance_sandbox import SandboxError

    try:
        if handle.clock.ahead:
            return False  # time that has passed can't be taken back
        handle.reset()  # all open tenants
        for tenant in handle.credentials.keys() - {"admin"}:
            handle.reset(tenant)
    except SandboxError:
        return False
    return True


def _client(handle: Sandbox) -> LessonClient:
    api = LessonClient(handle.url)
    api.sandbox = handle
    return api


def shield_requests() -> None:
    """Let what a cell sends with `requests` alone reach its server as the client's calls do.

    Nothing of ``~/.netrc`` is added to it, and no proxy stands before this machine.
    """
    os.environ["NETRC"] = os.devnull
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if exempt != "*":
        hosts = [*filter(None, exempt.split(",")), "localhost", "127.0.0.1"]
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(dict.fromkeys(hosts))


def show_errors_as_sentences(shell: Any) -> None:
    """In a notebook, show a failed call as its own sentence and not as the client's stack.

    A lesson still stops there, as it should.
    """

    def sentence(shell: Any, kind: type, error: Any, trace: Any, tb_offset: Any = None) -> None:
        text = str(error) if kind is Stopped else f"{kind.__name__}: {error}"
        if isinstance(error, ResonanceError) and error.response_code is None:
            text += "\nIs the server still there? Run the set-up cell again: api = connect()."
        error._render_traceback_ = lambda: [text]
        shell.showtraceback((kind, error, trace))

    shell.set_custom_exc((ResonanceError, SetUpError, Stopped), sentence)
