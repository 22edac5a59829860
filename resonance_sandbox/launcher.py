"""Starts a sandbox as a child process that ends with the process that started it.

Three things tie them together, for each alone has a hole. The child reads a pipe of ours and
stops when it ends; but a fork of ours keeps the pipe open. So on Linux the child also asks for a
signal at its parent's death; but that is the death of the *thread* that started it, so only a
start from the main thread asks. And the child has a session of its own, or a Ctrl-C meant for us
(JupyterLab's "interrupt") would end it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

if TYPE_CHECKING:
    from .control.request_log import LoggedRequest
    from .control.sandbox_clock import SandboxClock
    from .faults.control import Faults

__all__ = ["APIKey", "Sandbox", "SandboxError", "start"]

_BOOT = (
    "import sys; sys.path.append({root!r}); "
    "from resonance_sandbox.__main__ import main; sys.exit(main())"
)


class SandboxError(RuntimeError):
    """The sandbox did not start, or refused what its handle asked."""


class APIKey(str):
    """A key, as text for a header. Its repr is masked, so that a cell's output does not show it."""

    __slots__ = ()

    kind = "API key"

    def __repr__(self) -> str:
        return f"<{self.kind} ending in …{self[-4:]}>" if len(self) > 16 else f"<{self.kind}>"


class ClientSecret(APIKey):
    """The secret of an OAuth client, masked likewise."""

    __slots__ = ()

    kind = "client secret"


class Password(APIKey):
    """A demo user's password, masked likewise."""

    __slots__ = ()

    kind = "password"


MASKED = {"api_key": APIKey, "client_secret": ClientSecret, "password": Password}


def start(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    auth: Literal["optional", "required"] = "optional",
    database: str | os.PathLike[str] | None = None,
    latency: float = 0.0,
    still: bool = False,
    rate_limit: int | None = None,
    burst: int | None = None,
    quota: int | None = None,
    token_lifetime: int | None = None,
    attendees: str | os.PathLike[str] | None = None,
    keys: str | os.PathLike[str] | None = None,
    allow_loopback_webhooks: bool = False,
    webhook_retry: Sequence[float] | None = None,
    webhook_timeout: float | None = None,
    webhook_disable_after: int | None = None,
    clock: str | None = None,
    timeout: float = 30.0,
) -> Sandbox:
    """Start a sandbox and wait until it answers.

    The options are those of ``python -m resonance_sandbox``; `port` is a free one unless
    named, and `timeout` is how many seconds it may take to be ready.

    Raises:
        SandboxError: it did not start; the message says why.
    """
    options = ["--host", host, "--port", str(port), "--auth", auth, "--latency", str(latency)]
    for name, value in (
        ("--database", database),
        ("--rate-limit", rate_limit),
        ("--burst", burst),
        ("--quota", quota),
        ("--token-lifetime", token_lifetime),
        ("--attendees", attendees),
        ("--keys", keys),
        ("--webhook-timeout", webhook_timeout),
        ("--webhook-disable-after", webhook_disable_after),
        ("--clock", clock),
    ):
        if value is not None:
            options += [name, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
    if webhook_retry is not None:
        options.append(f"--webhook-retry={','.join(map(str, webhook_retry))}")
    if allow_loopback_webhooks:
        options.append("--allow-loopback-webhooks")
    if still:
        options.append("--still")
    environment = dict(os.environ)
    if "--database" in options:
        # Every user of this machine can read a command line, but not an environment.
        at = options.index("--database") + 1
        options[at], password = _without_password(options[at])
        if password is not None:
            environment["PGPASSWORD"] = password
    if threading.current_thread() is threading.main_thread():
        options += ["--parent", str(os.getpid())]
    root = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-P", "-c", _BOOT.format(root=root), *options]
    errors: IO[str] | None = None
    try:
        # A file, not a pipe, for stderr: nobody reads it while the sandbox runs.
        errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        process = subprocess.Popen(
            [*command, "--json", "--until-stdin-ends"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
            encoding="utf-8",
            start_new_session=os.name != "nt",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as failure:
        if errors is not None:
            errors.close()
        raise SandboxError(
            f"the sandbox could not be started: {failure.strerror or failure}. Fix: close files "
            "and programs that are not needed (restart the notebook's kernel), then try again."
        ) from None
    try:
        told = _readiness(process, timeout)
    except BaseException as failure:
        process.kill()
        process.wait()
        _close(process)
        errors.seek(0)
        said = errors.read().strip()
        errors.close()
        if isinstance(failure, queue.Empty):
            raise SandboxError(
                f"the sandbox was not ready within {timeout:g} seconds; "
                f"it said: {said or 'nothing'}"
            ) from None
        if isinstance(failure, ValueError):
            raise SandboxError(f"the sandbox did not start: {said or 'it said nothing'}") from None
        raise
    return Sandbox(process, errors, told["url"], told["credentials"])


class Sandbox:
    """A running sandbox; also a context manager, which stops it at the end.

    Attributes:
        url: base URL of its API.
        pid: its process.
        credentials: ``{"acme_corp": {"api_key", "client_id", "client_secret", "app_client_id",
            "redirect_uri", "username", "password"}, "globex": …, "admin": {"api_key"}}``; each
            secret is text whose repr is masked.
    """

    def __init__(
        self,
        process: subprocess.Popen[str],
        errors: IO[str],
        url: str,
        credentials: dict[str, dict[str, str]],
    ) -> None:
        self._process = process
        self._errors = errors
        self._owner = os.getpid()
        self._stopping = threading.Lock()
        self.url = url
        self.pid = process.pid
        self.credentials: dict[str, dict[str, str]] = {
            name: {kind: MASKED.get(kind, str)(value) for kind, value in held.items()}
            for name, held in credentials.items()
        }
        self._said = ""
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            forget = weakref.WeakMethod(self._forked)
            os.register_at_fork(after_in_child=lambda: (there := forget()) and there())

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    @cached_property
    def faults(self) -> Faults:
        """Faults for the open tenants of this sandbox to meet."""
        from .faults.control import Faults

        return Faults(self.url, api_key=self.credentials["admin"]["api_key"])

    @cached_property
    def clock(self) -> SandboxClock:
        """The clock of this sandbox, to be read and advanced."""
        from .control.sandbox_clock import SandboxClock

        return SandboxClock(self.call)

    def requests(self, tenant: str = "default", limit: int = 1000) -> list[LoggedRequest]:
        """The latest requests of `tenant` (of all open tenants together), oldest first."""
        answer = self.call(
            "GET", f"/sandbox/requests?{urlencode({'tenant': tenant, 'limit': limit})}"
        )
        listed: list[LoggedRequest] = answer["requests"]
        return listed

    def reset(self, tenant: str = "default") -> None:
        """Restore the first state of `tenant` (of all open tenants together)."""
        self.call("POST", f"/sandbox/reset?{urlencode({'tenant': tenant})}")

    def outage(self, *components: str, tenant: str = "default") -> None:
        """Put components ("database", "writer", "disk") out of order for `tenant`.

        With none named, everything works again.
        """
        path = f"/sandbox/outages?{urlencode({'tenant': tenant})}"
        self.call("PUT", path, {"components": list(components)})

    def log(self) -> str:
        """What the sandbox has written to stderr."""
        if not self._errors.closed:
            self._errors.seek(0)
            self._said = self._errors.read()
        return self._said

    def stop(self) -> None:
        """End the sandbox; a second time does nothing. Requests under way may finish."""
        if os.getpid() != self._owner:
            return
        with self._stopping:
            if self._process.stdin is not None and not self._process.stdin.closed:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            try:
                self._process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            _close(self._process)
            self.log()
            self._errors.close()
            atexit.unregister(self.stop)

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 30) -> Any:
        """Send an administrator's request and return its JSON, None where there is none.

        Raises:
            SandboxError: the sandbox refused, or is gone.
        """
        request = urllib.request.Request(
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self.credentials['admin']['api_key']}",
                "Content-Type": "application/json",
            },
            method=method,
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=timeout) as response:
                raw = response.read()
        except urllib.error.HTTPError as error:
            with error:
                detail = json.loads(error.read()).get("detail", error.reason)
            raise SandboxError(f"the sandbox refused: {detail}") from None
        except OSError as error:
            state = "does not answer" if self.running else "has ended"
            raise SandboxError(f"the sandbox {state}: {error}") from None
        return json.loads(raw) if raw else None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url}, {'running' if self.running else 'stopped'}>"

    def _forked(self) -> None:
        # The child of a fork holds our end of the pipe too, and would keep the sandbox alive.
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None and not self._process.stdin.closed:
                os.close(self._process.stdin.fileno())


def _readiness(process: subprocess.Popen[str], timeout: float) -> dict[str, Any]:
    """The line that a sandbox prints when it is ready. ValueError: it ended without one."""
    assert process.stdout is not None
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
    told: dict[str, Any] = json.loads(lines.get(timeout=timeout))
    return told


def _without_password(location: str) -> tuple[str, str | None]:
    """The URL of a database without its password, and the password.

    Raises:
        SandboxError: it can't be read.
    """
    if not (location.startswith("postgres") and "://" in location):
        return location, None
    # By the child's own parser: what another one overlooks would stand in the command line.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        raise SandboxError(
            "the sandbox did not start: the database's URL cannot be read. "
            "Fix: write it as in postgresql://user@host/name"
        ) from None
    password = [url.password, *url.normalized_query.get("password", ())][-1]
    bare = url._replace(password=None).difference_update_query(["password"])
    return bare.render_as_string(), password


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
