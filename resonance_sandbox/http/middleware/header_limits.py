"""The headers of a request: how many there may be, how large, and each with one reading."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ..problems import Problem

__all__ = ["MOST_BYTES", "MOST_HEADERS", "HeaderLimitMiddleware", "too_large"]

MOST_HEADERS = 100
MOST_BYTES = 16 << 10
"""Bytes of the target and of all names and values together."""

ONCE = frozenset({b"authorization", b"content-encoding", b"content-type", b"origin", b"x-api-key"})
"""Headers of which the first and the last would be two answers to one question."""

LISTS = frozenset({b"accept", b"if-match", b"if-none-match"})
"""Headers that are lists, whose lines count as one (RFC 9110, section 5.3)."""


class HeaderLimitMiddleware:
    """Refuses a request whose headers are too many, too large (RFC 6585, section 5) or twofold.

    Cookies lose their quotes, which ours never have: FastAPI takes them apart for each request,
    Python before 3.11.10 in 0.2 s for 15 KB of them, and nobody else has a turn meanwhile.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = scope["headers"]
            size = len(scope["path"]) + len(scope["query_string"])
            if len(headers) <= MOST_HEADERS:
                size += sum(len(name) + len(value) for name, value in headers)
            if len(headers) > MOST_HEADERS or size > MOST_BYTES:
                raise too_large()
            names = [name for name, _ in headers]
            if b"cookie" in names:
                headers = scope["headers"] = [
                    (name, value.replace(b'"', b"") if name == b"cookie" else value)
                    for name, value in headers
                ]
            if len(set(names)) < len(names):
                scope["headers"] = _once(headers)
        await self._app(scope, receive, send)


def too_large() -> Problem:
    """The answer to a request with too many headers, or too large ones."""
    return Problem(
        "headers-too-large",
        f"A request has at most {MOST_HEADERS} headers, and {MOST_BYTES:,} bytes in them and its "
        "address; send fewer.",
    )


def _once(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`headers` with each list on one line.

    Raises:
        Problem: one that has one value came twice.
    """
    merged: list[tuple[bytes, bytes]] = []
    lists: dict[bytes, list[bytes]] = {}
    seen: set[bytes] = set()
    for name, value in headers:
        if name in LISTS:
            lists.setdefault(name, []).append(value)
            continue
        if name in seen:
            shown = name.decode().title().replace("Api", "API")
            raise Problem(
                "validation-failed",
                f"The header {shown} stands twice; send it once.",
                errors=[(shown, "stands twice")],
            )
        if name in ONCE:
            seen.add(name)
        merged.append((name, value))
    return merged + [(name, b", ".join(values)) for name, values in lists.items()]
