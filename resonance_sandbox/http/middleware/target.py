"""The request's target, in whichever form it came."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["TargetMiddleware"]


class TargetMiddleware:
    """Reads the absolute form, as clients of a proxy send it (RFC 9112, 3.2.2).

    Its authority counts, not the Host that came beside it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/"):
            raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "replace")
            scheme, _, rest = raw.partition(b"://")
            if scheme.lower() in (b"http", b"https"):
                authority, slash, path = rest.partition(b"/")
                # OPTIONS of a whole server is * without a proxy between (RFC 9112, 3.2.4).
                whole = scope["method"] == "OPTIONS" and not slash and not scope["query_string"]
                scope["raw_path"] = b"*" if whole else b"/" + path
                scope["path"] = unquote(scope["raw_path"].decode("ascii"))
                others = [header for header in scope["headers"] if header[0] != b"host"]
                scope["headers"] = [(b"host", authority), *others]
        await self._app(scope, receive, send)
