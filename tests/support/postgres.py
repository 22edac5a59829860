"""A real PostgreSQL for tests: a server of their own, on a socket in a folder that goes with it."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psycopg

__all__ = ["Postgres", "unavailable"]

USER = "sandbox"


def unavailable() -> str | None:
    """Why there can be no server here, or None."""
    if os.name == "nt":
        return "a private PostgreSQL needs the sockets and users of POSIX"
    if _programs() is None:
        return "no PostgreSQL server is installed (Debian, Ubuntu: apt install postgresql)"
    return None


class Postgres:
    """A server that runs as long as its ``with`` block."""

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(12)
        self._numbers = itertools.count(1)
        programs = _programs()
        assert programs is not None
        self._postgres = programs / "postgres"
        # The server refuses to be root, so root lets the system's user for it run this one.
        self._as = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self.folder = Path(tempfile.mkdtemp(prefix="resonance-postgres-"))
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self._as:
            for path in (self.folder, secret):
                shutil.chown(path, **self._as)
        self._data = self.folder / "data"
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", self._data, "--username", USER),
                *("--pwfile", secret, "--auth", "scram-sha-256", "--no-sync"),
                # Sorted by English rules, where _ counts little: our names must not be.
                *("--encoding", "UTF8", "--locale", "C.UTF-8"),
                *("--locale-provider", "icu", "--icu-locale", "en"),
            ],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            **self._as,
        )
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [
                *(self._postgres, "-D", self._data, "-k", self.folder),
                *("-c", "listen_addresses=", "-c", "fsync=off"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
            **self._as,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self._url("postgres")).close()
                return process
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise
                time.sleep(0.05)

    def restart(self) -> None:
        """End every connection, as an administrator does who restarts the server."""
        self._stop()
        self._process = self._start()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Be away for as long as the block."""
        self._stop()
        try:
            yield
        finally:
            self._process = self._start()

    def database(self) -> str:
        """The URL, password included, of a new empty database."""
        name = f"room_{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return self._url(name).replace("postgresql:", "postgresql+psycopg:")

    def _url(self, name: str) -> str:
        return f"postgresql://{USER}:{self.password}@/{name}?host={self.folder}"

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # "fast": it does not wait for its clients
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _programs() -> Path | None:
    """Where the newest server's programs are; Debian keeps them off PATH."""
    debian = Path("/usr/lib/postgresql")
    with contextlib.suppress(OSError):
        for version in sorted(debian.iterdir(), key=lambda one: -float(one.name)):
            if (version / "bin" / "postgres").exists():
                return version / "bin"
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None
