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
from ..transport.cancellation import result_of
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


class _Flight(Future[Token]):
    """A renewal under way.

    Attributes:
        token: What it set out with.
        early: Nobody waits for it.
        overtaken: Somebody has logged in meanwhile, and what it brings is let go.
    """

    def __init__(self, token: Token | None, early: bool) -> None:
        super().__init__()
        self.token, self.early = token, early
        self.overtaken = False


class TokenCache:
    """A token that all threads share.

    What `get` does depends on the state the token is in:

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

    A flight belongs to the token it set out with. One that lands after somebody has logged in is
    too late: what it brings is let go, and who waited for it gets the newer token. Where no thread
    is to be had, an early renewal is left for later, and another one is made by who needs it.

    One lock is held to look and to assign, never while anything is sent; another while `keep` is
    told, so that it hears of the tokens in their order.

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
        self._flight: _Flight | None = None
        self._pause_ends = -inf
        self._told = threading.RLock()
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
            flight, begun = self._flight, False
            if flight is None and (stale or (ageing and now >= self._pause_ends)):
                flight, begun = _Flight(token, early=not stale), True
                self._flight = flight
        if begun:
            assert flight is not None
            self._take_off(flight)
        if token is not None and not stale:
            return token.access
        assert flight is not None
        return self._arrival(flight).access

    def put(self, token: Token) -> None:
        """Replace the token, after a log-in."""
        with self._told:
            with self._lock:
                if self._flight is not None:
                    self._flight.overtaken = True
                self._token, self._flight = token, None
            if self._keep is not None:
                self._keep(token)

    def refuse(self, access: Secret) -> None:
        """The server took `access` no more. If another has come since, nothing changes."""
        with self._lock:
            if self._token is not None and self._token.access == access:
                self._token = replace(self._token, expires=-inf)

    def spent(self, refresh: Secret) -> bool:
        """`refresh` buys no more tokens; False if another has come since, and nothing changes."""
        with self._lock:
            token = self._token
            if token is not None and token.refresh != refresh:
                return False
            if token is not None:
                self._token = replace(token, refresh=None)
            return True

    def _forget_flight(self) -> None:
        # In a forked process: the thread that was to land it has stayed behind.
        self._lock, self._told = threading.Lock(), threading.RLock()
        self._flight = None

    def _take_off(self, flight: _Flight) -> None:
        # No daemon: a program that ends waits for a token that is on its way.
        thread = threading.Thread(
            target=self._renew, args=(flight,), name="resonance-token", daemon=False
        )
        try:
            thread.start()
        except RuntimeError as error:  # a limit of the system, or an `atexit` function
            if flight.early:
                self._fail(flight, TokenError(f"No thread to renew the access token in: {error}."))
            else:
                self._renew(flight)

    def _renew(self, flight: _Flight) -> None:
        try:
            fresh = self._fetch(flight.token)
            with self._told:
                with self._lock:
                    is_current = self._flight is flight
                    if is_current:
                        self._token = fresh
                if is_current and self._keep is not None:
                    self._keep(fresh)
        except BaseException as error:
            if isinstance(error, ResonanceError):
                error.with_traceback(None)
            self._fail(flight, error)
        else:
            self._land(flight)
            flight.set_result(fresh)

    def _fail(self, flight: _Flight, error: BaseException) -> None:
        if flight.early:  # nobody waits, so nobody would hear of it
            log.warning("the access token could not be renewed early: %s", error)
        if self._land(flight):
            self._pause_ends = self.clock.now() + PAUSE
        flight.set_exception(error)

    def _land(self, flight: _Flight) -> bool:
        """End the flight; False if a log-in has come before it."""
        with self._lock:
            if self._flight is not flight:
                return False
            self._flight = None
            return True

    def _arrival(self, flight: _Flight) -> Token:
        failure: ResonanceError | None = None
        try:
            fresh = result_of(flight, time_left())
        except ResonanceError as error:
            failure = copy.copy(error)  # each who waits gets one of its own
        except TimeoutError as error:
            if flight.done() and flight.exception() is error:  # the way to get a token raised it
                raise
            failure = TokenError("No access token came within the time of this attempt.")
        if flight.overtaken and self._token is not None:
            return self._token
        if failure is not None:
            raise failure
        return fresh
