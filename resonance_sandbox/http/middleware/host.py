"""Host and Origin: who a web page could make a browser pretend to be."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from ...settings import is_loopback
from ..problems import Problem

__all__ = ["HostMiddleware"]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]*)?")


class HostMiddleware:
    """Refuses what a web page could make a browser send.

    That is a foreign name for this address (DNS rebinding), or a request from a page of another
    origin.

    Args:
        names: names that this server answers to, beside loopback and the address it listens on.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(map(str.lower, names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._check(scope)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        host, origin = "", None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origin = value.decode("latin-1")
        found = _HOST.fullmatch(host)
        name = found[1].strip("[]").lower() if found else ""
        here = (scope.get("server") or ("",))[0]
        if not (is_loopback(name) or name in self._names or name == here):
            raise Problem(
                "host-not-allowed", "Call this server by localhost or the address it listens on."
            )
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise Problem(
                "origin-not-allowed", "Web pages of another origin may not call this server."
            )
