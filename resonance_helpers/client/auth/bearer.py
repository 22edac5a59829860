"""How a request carries a credential, and the one retry after a 401."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.utils import rewind_body

from ..transport.failure import CAUGHT, no_credential
from .clock import ServerClock
from .jwt import expiry
from .secret import Secret
from .tokens import Token, TokenCache

__all__ = ["ApiKeyAuth", "JWTAuth", "TokenAuth"]

ENOUGH = 64 * 1024
"""Bytes of a 401 that are read; a longer one costs its connection."""


NOT_IN_A_KEY = frozenset(" \"'")
"""What comes along with a key that was copied or quoted, and makes it another (RFC 6750, 2.1)."""


class _Auth(AuthBase):
    """What all have in common: they hold secrets, and do not travel."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a credential does not travel: make it where it is used, with Secret.from_env() in a "
            "factory that runs in the worker"
        )


class ApiKeyAuth(_Auth):
    """Sends an API key with each request; works with any `requests` call.

    Args:
        key: The key, plain or as a `Secret`.
        header: ``Authorization`` (as ``Bearer ...``) or ``X-API-Key``.

    Attributes:
        key: The key, as a `Secret`. It may be replaced while threads send: each request carries
            either the old one or the new one.
    """

    is_immediate = True  # asks nobody, so it takes no time

    def __init__(self, key: str | Secret, header: str = "Authorization") -> None:
        if header not in ("Authorization", "X-API-Key"):
            raise ValueError(f"header is {header!r}; it can be 'Authorization' or 'X-API-Key'")
        self.key = key
        self.header = header

    @property
    def key(self) -> Secret:
        """The key that requests carry; set it when the key was rotated."""
        return self._key

    @key.setter
    def key(self, key: str | Secret) -> None:
        secret = Secret(key)
        if not NOT_IN_A_KEY.isdisjoint(secret.reveal()):
            raise ValueError(
                "the API key has a space or a quotation mark in it. Fix: give the key alone, "
                "without 'Bearer' and without quotation marks"
            )
        self._key = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        key = self._key.reveal()
        if self.header == "Authorization":
            request.headers["Authorization"] = f"Bearer {key}"
        else:
            request.headers[self.header] = key
            request.hooks["response"].append(self._part)
        return request

    def _part(self, response: requests.Response, **_options: Any) -> None:
        """Keep the key from another host that a redirect leads to.

        As requests itself does with an Authorization, and with nothing else.
        """
        if not response.is_redirect:
            return
        try:
            there = urljoin(response.url, response.headers["Location"])
            elsewhere = requests.Session().should_strip_auth(response.url, there)
        except ValueError:  # nowhere
            return
        if elsewhere:
            response.request.headers.pop(self.header, None)

    def __repr__(self) -> str:
        return f"ApiKeyAuth({self._key!r}, header={self.header!r})"


class TokenAuth(_Auth):
    """Sends an access token that is renewed by itself: early, and once more after a 401.

    A 401 says that the server did nothing, so the request may be sent again whatever it asks
    for: once, with a new token, if its body can be read again. This is done in a response hook,
    so it works with plain `requests` too.
    """

    _tokens: TokenCache

    @property
    def token(self) -> Token | None:
        """The token there is, its secrets masked; None before the log-in or the first request."""
        return self._tokens.token

    def _learn(self, headers: Mapping[str, str]) -> None:
        """Take what an answer of the API says about time.

        A token's life is counted by the clock of the server that gave it, which may be another.
        """

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        access = self._tokens.get()
        request.headers["Authorization"] = f"Bearer {access.reveal()}"
        request.hooks["response"].append(partial(self._look, access))
        return request

    def _look(self, access: Secret, response: Any, **options: Any) -> requests.Response | None:
        """See what the server thinks of the token; perhaps send the request once more."""
        request = response.request
        if request.headers.get("Authorization") != f"Bearer {access.reveal()}":
            return None  # redirected to another host, which got no token and must not
        self._learn(response.headers)
        if response.status_code != 401:
            return None
        self._tokens.refuse(access)
        again = request.copy()
        if not _rewound(again):
            return None
        try:
            fresh = self._tokens.get()
        except BaseException:
            response.close()  # nobody will read it
            raise
        if fresh == access:
            return None
        next(response.iter_content(ENOUGH), b"")  # to its end, so that the connection lives on
        response.close()
        again.headers["Authorization"] = f"Bearer {fresh.reveal()}"
        if response.cookies:
            extract_cookies_to_jar(again._cookies, request, response.raw)
            again.headers.pop("Cookie", None)
            again.prepare_cookies(again._cookies)
        second: requests.Response = response.connection.send(again, **options)
        second.history.append(response)
        second.request = again
        return second


class JWTAuth(TokenAuth):
    """Sends a token that comes from elsewhere: a file, a vault, a colleague.

    Args:
        token: The token; or a function without arguments that returns one. The function is asked
            when there is none yet, shortly before the claim ``exp`` of the last one, and after a
            401. It runs in a thread of its own, and never twice at once.
        clock: Seconds since the epoch, like `time.time`.

    Raises:
        TypeError, ValueError: `token` can't be one.
    """

    def __init__(
        self,
        token: str | Secret | Callable[[], str | Secret],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        given = token if callable(token) else Secret(token)

        def fetch(_last: Token | None) -> Token:
            try:
                access = Secret(given()) if callable(given) else given
            except CAUGHT as error:
                raise no_credential(error) from None
            moment = expiry(access) if callable(given) else None
            life = float("inf") if moment is None else max(0.0, moment - server.now())
            return Token(access, expires=moment, lifetime=life)

        server = ServerClock(clock)
        self._tokens = TokenCache(fetch, server)

    def _learn(self, headers: Mapping[str, str]) -> None:
        self._tokens.clock.learn(headers)  # the claim `exp` is a time of day, and the API's matters

    def __repr__(self) -> str:
        return "JWTAuth(****)"


def _rewound(request: Any) -> bool:
    """Make a request's body ready to be sent once more; False where it can be read only once."""
    if request.body is None or isinstance(request.body, str | bytes):
        return True
    try:
        rewind_body(request)
    except requests.exceptions.UnrewindableBodyError:
        return False
    return True
