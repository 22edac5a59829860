"""One access token for all threads, renewed in time and once."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from math import inf

from ..errors import ResonanceError, TokenError
from ..transport.deadline import time_left
from ..transport.fork import renewed_in_child
from .clock import ServerClock
from .secret import Secret

__all__ = ["Token", "TokenCache"]

log = logging.getLogger("resonance_helpers")

ADVISORY = 60.0
"""Seconds before its end from which on a token should be renewed; at most a fifth of its life."""

MANDATORY = 10.0
"""Seconds before its end from which on a token is not sent; at most a twentieth of its life. It
has to arrive before it expires."""

PAUSE = 5.0
"""Seconds without a further try after an early renewal failed: there is a good token still, and a
server in trouble."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and what came with it.

    Attributes:
        access: What a request carries.
        expires: When the server stops taking it, on its clock in seconds since the epoch; None
            where nobody knows, and then it counts as good until it is refused.
        lifetime: Seconds that it was issued for.
        refresh: What buys the next one, or None.
        scope: What it was granted, as the server put it, or None.
    """

    access: Secret
    expires: float | None = None
    lifetime: float = inf
    refresh: Secret | None = None
    scope: str | None = None

    def left(self, now: float) -> float:
        return inf if self.expires is None else self.expires - now


class TokenCache:
    """A token that all threads share. What `get` does depends on the state the token is in:

    =======  ======================================  ============================================
    state    when                                    `get`
    =======  ======================================  ============================================
    fresh    it is long until its end                returns it
    ageing   less than `ADVISORY` seconds are left   has a renewal begun and returns what there
                                                     is, at once; if the renewal fails, that is
                                                     logged, and for `PAUSE` there is no other
    stale    less than `MANDATORY` seconds are       has a renewal begun and waits for it; if it
             left, it was refused, or there is none  fails, the error is raised to all who wait
    =======  ======================================  ============================================

    There is one renewal at a time (a *flight*): who finds one under way joins it. It runs in a
    thread of its own, which belongs to none of those who wait, so that

    - each waits as long as its own attempt may take, and no longer;
    - Ctrl-C ends the waiting and not the renewal. A refresh token that works once must not be
      spent with nobody there to take the next one;
    - the new token is in place before anybody hears of it.

    The lock is held to look and to assign, never while anything is sent.

    Args:
        fetch: Gets a new token; its argument is the token so far, or None.
        clock: The server's.
        keep: Is told each new token, in order, before the next renewal may begin.
    """

    def __init__(
        self,
        fetch: Callable[[Token | None], Token],
        clock: ServerClock,
        keep: Callable[[Token], None] | None = None,
    ) -> None:
        self.clock = clock
        self._fetch = fetch
        self._keep = keep
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._flight: Future[Token] | None = None
        self._pause_ends = -inf
        renewed_in_child(self, TokenCache._forget_flight)

    @property
    def token(self) -> Token | None:
        """The token there is, in whatever state."""
        return self._token

    def get(self) -> Secret:
        """An access token that is good now, as far as one can know.

        Raises:
            TokenError: There is none, or it did not come in time.
        """
        with self._lock:
            token, now = self._token, self.clock.now()
            left = -inf if token is None else token.left(now)
            life = inf if token is None else token.lifetime
            stale = left <= min(MANDATORY, life / 20)
            ageing = left <= min(ADVISORY, life / 5)
            wanted = stale or (ageing and now >= self._pause_ends)
            if wanted and self._flight is None:
                self._flight = self._take_off(token, early=not stale)
            flight = self._flight
        if token is not None and not stale:
            return token.access
        assert flight is not None
        return self._arrival(flight).access

    def put(self, token: Token) -> None:
        """Replace the token, after a log-in."""
        with self._lock:
            self._token = token
        if self._keep is not None:
            self._keep(token)

    def refuse(self, access: Secret) -> None:
        """The server took `access` no more. If another has come since, nothing changes."""
        with self._lock:
            if self._token is not None and self._token.access == access:
                self._token = replace(self._token, expires=-inf)

    def spent(self, refresh: Secret) -> None:
        """`refresh` buys no more tokens. If another has come since, nothing changes."""
        with self._lock:
            if self._token is not None and self._token.refresh == refresh:
                self._token = replace(self._token, refresh=None)

    def _forget_flight(self) -> None:
        # In a forked process: the thread that was to land it has stayed behind.
        self._lock = threading.Lock()
        self._flight = None

    def _take_off(self, token: Token | None, early: bool) -> Future[Token]:
        flight: Future[Token] = Future()
        # No daemon: a program that ends waits for a token that is on its way.
        try:
            threading.Thread(
                target=self._renew,
                args=(token, flight, early),
                name="resonance-token",
                daemon=False,
            ).start()
        except RuntimeError as error:  # as in an `atexit` function
            raise TokenError(f"No access token: {error}.") from None
        return flight

    def _renew(self, token: Token | None, flight: Future[Token], early: bool) -> None:
        try:
            fresh = self._fetch(token)
            with self._lock:
                self._token = fresh
            if self._keep is not None:
                self._keep(fresh)
        except BaseException as error:
            if isinstance(error, ResonanceError):
                error.with_traceback(None)
            if early:  # nobody waits, so nobody would hear of it
                log.warning("the access token could not be renewed early: %s", error)
            with self._lock:
                self._flight = None
                self._pause_ends = self.clock.now() + PAUSE
            flight.set_exception(error)
        else:
            with self._lock:
                self._flight = None
            flight.set_result(fresh)

    def _arrival(self, flight: Future[Token]) -> Token:
        try:
            return flight.result(timeout=time_left())
        except ResonanceError as error:
            failure: ResonanceError = copy.copy(error)  # each who waits gets one of its own
        except TimeoutError as error:
            if flight.done() and flight.exception() is error:  # the way to get a token raised it
                raise
            failure = TokenError("No access token came within the time of this attempt.")
        raise failure
