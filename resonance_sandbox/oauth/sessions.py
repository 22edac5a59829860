"""Who is signed in at the consent page, in this process's memory alone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["LIFETIME", "Sessions"]

LIFETIME = 600.0
"""Seconds that a user stays signed in."""

MOST = 1_000
"""Users signed in at once; the one longest there goes first."""

_NAME = re.compile(r"[A-Za-z0-9_-]{43}")


class Sessions:
    """Browsers by a random name in a cookie. For the event loop's thread alone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._signed_in: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def named(self, cookie: str | None) -> str:
        """The browser's name; a new one if it has none."""
        return cookie if cookie and _NAME.fullmatch(cookie) else secrets.token_urlsafe(32)

    def user(self, browser: str) -> str | None:
        """Who is signed in there."""
        username, until = self._signed_in.get(browser, (None, 0.0))
        return username if self._clock() < until else None

    def sign_in(self, browser: str, username: str) -> str:
        """Sign a user in, under a new name: one that was planted before is worth nothing."""
        self._signed_in.pop(browser, None)
        renamed = secrets.token_urlsafe(32)
        self._signed_in[renamed] = (username, self._clock() + LIFETIME)
        if len(self._signed_in) > MOST:
            self._signed_in.popitem(last=False)
        return renamed

    def csrf(self, browser: str, query: str) -> str:
        """What a form has to bring along.

        Only a page that we gave to this browser, and for this request of an app, holds it.
        """
        said = f"{browser}\0{self.user(browser) or ''}\0{query}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()

    def confirms(self, browser: str, query: str, token: str) -> bool:
        """Whether `token` came of `csrf`."""
        return hmac.compare_digest(
            self.csrf(browser, query).encode(), token.encode("utf-8", "surrogatepass")
        )
