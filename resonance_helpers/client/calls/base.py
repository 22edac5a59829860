"""What every call is made of: checked arguments, the keywords of the call, two ways to fail."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from ..auth.secret import Secret
from ..errors import InsecureTransportError, ResonanceError, UnexpectedShapeError
from ..transport import Answer, Call, Transport, arguments
from ..transport.arguments import text
from ..transport.signing import INSECURE

if TYPE_CHECKING:
    from ..transport.call import A
    from ..types import CallOptions

OPTIONS = ("headers", "pace", "timeout", "deadline", "idempotency_key")
"""The keywords of a call, which `types.CallOptions` and `types.WriteOptions` describe."""

MOST_EMPTY = 100
"""Pages without a row that are read one after another."""

LONGEST_CURSOR = 8_000
"""Characters; a longer one fits into no URL."""


class Calls:
    """What the operations of all topics are made of."""

    _on_error: Literal["return", "raise"]
    _transport: Transport

    def _call(
        self,
        method: str,
        path: str,
        answer: type[A],
        options: CallOptions,
        payload: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Call[A]:
        """The call of an operation, by the keywords that its caller gave.

        Args:
            method: An HTTP method.
            path: The path below the base URL, quoted.
            answer: The class of its answer.
            options: The caller's keywords.
            payload: The fields of the body, those of None left out; None for no body.
            headers: Those that the operation itself sends.
            **more: As `Call` takes them.
        """
        if payload is not None:
            payload = {name: value for name, value in payload.items() if value is not None}
        transport = self._transport
        if options:
            given: Any = options
            known = OPTIONS[:-1] if method == "GET" else OPTIONS
            for name in given:
                if name not in known:
                    raise TypeError(f"{name!r} is no argument of this call, nor {_listed(known)}")
            if len(given) > ("headers" in given) + ("idempotency_key" in given):
                transport = _changed(transport, given)
            if given.get("headers") is not None:
                headers = {**arguments.headers(given["headers"]), **(headers or {})}
            more["idempotency_key"] = given.get("idempotency_key")
        return Call(transport, method, path, payload, answer=answer, headers=headers, **more)

    def _get(self, path: str, answer: type[A], options: CallOptions, **more: Any) -> Call[A]:
        return self._call("GET", path, answer, options, **more)

    def _post(
        self,
        path: str,
        answer: type[A],
        options: CallOptions,
        payload: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Call[A]:
        return self._call("POST", path, answer, options, payload, **more)

    def _run(self, call: Call[A]) -> A:
        return self._told(call.run)

    def _told(self, work: Callable[[], A]) -> A:
        """What `work` returns, or the face of the error that it raises."""
        try:
            return work()
        except ResonanceError as error:
            if self._on_error == "raise":
                raise
            # Whoever keeps the dict would keep all the frames that it came through.
            return error.with_traceback(None).as_dict()  # type: ignore[return-value]

    def _rows(
        self,
        path: str,
        answer: type[Answer],
        options: CallOptions,
        params: Mapping[str, Any],
        rows: str,
    ) -> Iterator[Any]:
        cursor, marked, steps, stride, empty = None, None, 0, 1, 0
        while True:
            query = {**params, "cursor": cursor}
            page: dict[str, Any] = self._get(
                path, answer, options, params=query, expect={rows: list}
            ).run()
            yield from page[rows]
            cursor = page.get("next_cursor")
            if not cursor:
                return
            if not isinstance(cursor, str) or len(cursor) > LONGEST_CURSOR:
                raise UnexpectedShapeError("The answer's `next_cursor` is none.")
            if cursor == marked:
                raise UnexpectedShapeError("The answer's `next_cursor` leads in a circle.")
            empty = 0 if page[rows] else empty + 1
            if empty == MOST_EMPTY:
                raise UnexpectedShapeError(f"{MOST_EMPTY} pages in a row have nothing on them.")
            steps += 1
            if steps == stride:  # a circle of any length is found (Brent), with one mark
                marked, steps, stride = cursor, 0, 2 * stride

    def _signing_secret(self, secret: str | Secret | None) -> Secret | None:
        """The secret, hidden until it is sent, to where credentials may travel."""
        if secret is None:
            return None
        if not self._transport.trusted:
            raise InsecureTransportError(INSECURE.format(origin=self._transport.base_url))
        return secret if isinstance(secret, Secret) else Secret(text("secret", secret))


def shown_once(document: dict[str, Any]) -> dict[str, Any]:
    """An answer in which what is shown once is held so that it does not show itself."""
    return {
        name: Secret(value) if name in ("key", "secret") and isinstance(value, str) else value
        for name, value in document.items()
    }


def path(*segments: str) -> str:
    """``/a/b`` with each segment quoted whole, so that no name can reach another path."""
    for segment in segments:
        if text("a name in the path", segment) in ("", ".", ".."):
            raise ValueError(f"{segment!r} can't be a name: it would change the path")
        if not segment.isprintable():
            raise ValueError(f"{segment!r} can't be a name: it has characters that nobody sees")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def _changed(transport: Transport, given: Mapping[str, Any]) -> Transport:
    """A copy for one call: over the same connections, budget and rate limit."""
    changed = copy.copy(transport)
    if "pace" in given:
        changed.pace = arguments.flag("pace", given["pace"])
    if "timeout" in given:
        changed.timeout = arguments.seconds("timeout", given["timeout"])
    if "deadline" in given:
        changed.deadline = arguments.optional_seconds("deadline", given["deadline"])
    return changed


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}"
