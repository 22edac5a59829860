"""What can be set about a sandbox, in one immutable value."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from typing import Literal

from .clock import MAX_AHEAD

__all__ = ["Settings", "SettingsError", "is_loopback"]

MOST = 10**12 - 1
"""Of anything that is counted: as many digits as clients read in a header."""

COUNTS = (
    "rate_limit",
    "burst",
    "quota",
    "token_lifetime",
    "max_body",
    "writer_threads",
    "max_queue",
    "webhook_disable_after",
)
"""Settings that are at least 1."""

WEBHOOK_RETRY = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
"""Eight tries of a delivery within 28 hours: a receiver may be down for a night and a day."""


class SettingsError(ValueError):
    """A setting that cannot be: the message is one sentence for the person who set it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a sandbox behaves.

    Attributes:
        host: address to listen on; another than loopback needs `allow_remote`.
        port: TCP port, 0 for any free one.
        auth: "required" refuses anonymous callers everywhere but on public routes.
        database: path of an SQLite file, its ``sqlite:///`` URL, or the ``postgresql://`` URL of
            a database; None for a temporary file. API keys, client secrets and refresh tokens that
            are kept outlive a restart; access tokens and sign-ins do not.
        latency: seconds that each generation waits, as a remote model would; left out of all of
            the server's own figures.
        still: displayed ids and times are the same on every run, for reproducible notebooks.
        rate_limit: requests a minute for one tenant and credential.
        burst: requests a second, likewise.
        quota: requests a day, likewise.
        token_lifetime: seconds that an OAuth access token is good for.
        max_body: largest request body in bytes.
        writer_threads: generations that run at once.
        max_queue: generations that may wait for a thread before the server says it is overloaded.
        allowed_hosts: further names this server answers to, beside loopback and `host`.
        access_log: write a line to stderr for each request.
        allow_loopback_webhooks: let webhooks lead to this machine, by http and at any port too.
        webhook_retry: seconds from each failed try of a delivery to the next; there is a try more.
        webhook_timeout: seconds of wall-clock time that one try may take.
        webhook_disable_after: dead deliveries in a row that disable a webhook.
        shared: several people use it, as in a room: its clock stands under nobody's hand.
        clock: seconds that its clock is ahead of the machine's at the start.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    auth: Literal["optional", "required"] = "optional"
    database: str | None = field(default=None, repr=False)  # its URL may hold a password
    latency: float = 0.0
    still: bool = False
    allow_remote: bool = False
    rate_limit: int = 1_000
    burst: int = 100
    quota: int = 100_000
    token_lifetime: int = 900
    max_body: int = 1 << 20
    writer_threads: int = 1
    max_queue: int = 256
    allowed_hosts: tuple[str, ...] = ()
    access_log: bool = False
    allow_loopback_webhooks: bool = False
    webhook_retry: tuple[float, ...] = WEBHOOK_RETRY
    webhook_timeout: float = 15.0
    webhook_disable_after: int = 5
    shared: bool = False
    clock: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"port {self.port} is not between 0 and 65535")
        if self.auth not in ("optional", "required"):
            raise SettingsError(f"auth is {self.auth!r}; it is optional or required")
        if not (math.isfinite(self.latency) and 0 <= self.latency <= 60):
            raise SettingsError(f"latency is {self.latency}; it is between 0 and 60 seconds")
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it is at least 1")
            if getattr(self, name) > MOST:
                raise SettingsError(f"{name} is {getattr(self, name)}; it is at most {MOST}")
        if self.token_lifetime > 86_400:
            raise SettingsError(
                f"token_lifetime is {self.token_lifetime}; it is at most 86400 seconds, a day"
            )
        if not (math.isfinite(self.webhook_timeout) and 0 < self.webhook_timeout <= 60):
            raise SettingsError(
                f"webhook_timeout is {self.webhook_timeout}; it is above 0, at most 60 seconds"
            )
        if not all(math.isfinite(wait) and 0 <= wait <= 86_400 for wait in self.webhook_retry):
            raise SettingsError(
                "webhook_retry holds a wait that is not between 0 and 86400 seconds"
            )
        if not (math.isfinite(self.clock) and 0 <= self.clock <= MAX_AHEAD):
            raise SettingsError(
                f"clock is {self.clock:g} seconds ahead; it is at least 0, at most 100 years"
            )
        if self.clock and self.shared:
            raise SettingsError("the clock of a room is that of this machine; leave --clock out")
        if not self.allow_remote and not is_loopback(self.host):
            raise SettingsError(
                f"{self.host} can be reached from other machines, and a sandbox is not made for "
                "that; give --allow-remote if you mean it"
            )


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
