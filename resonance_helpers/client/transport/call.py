"""One call of the API: the attempts it takes, and what lies between them."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic

import requests
from requests.exceptions import InvalidHeader

from ..errors import (
    BadResponseError,
    NotYetAllowedError,
    OutcomeUnknownError,
    RateLimitedError,
    ResonanceError,
    StatusError,
)
from . import arguments, cancellation
from .answer import Answer
from .content import Shape, check, read_content
from .deadline import Deadline, bounded
from .failure import BROKEN_OFF, explain, refused_by_hook
from .in_flight import Begun, InFlight
from .payload import encode
from .quota import RETRY_COST, SUCCESS_REFUND
from .rate_limit import RateLimit
from .redaction import LIBRARIES, bare, credentials, masked, redacted, without
from .retry import RetryPolicy
from .retry_after import parse_retry_after
from .shared import Transport
from .signing import Signing

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    A = TypeVar("A", bound=Answer, default=Answer, covariant=True)
else:
    from typing import TypeVar

    A = TypeVar("A", covariant=True)

log = logging.getLogger("resonance_helpers")
log.addHandler(logging.NullHandler())  # without one, Python prints a library's warnings itself

LEAST = 0.001
"""Seconds; with less than this left of a deadline no further attempt is made."""

UNSENDABLE = (
    "a header or the query of this request can't be sent: it is no string, or has characters that "
    "HTTP can't carry, such as a line break"
)


@dataclass(slots=True, repr=False)
class _Request:
    """What an attempt sends, and the exchange that the fast path may have begun with it."""

    deadline: Deadline
    signing: Signing
    began: float
    begun: Begun | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """An attempt failed and may be repeated, not before the clock of the policy reads `at`."""

    at: float
    error: ResonanceError


class Call(Generic[A]):
    """A request, its idempotency key, and the attempts made at it so far.

    `run` makes attempts until there is an answer, sleeping in between. Who has better things to
    do than sleep makes them singly::

        outcome = call.attempt()
        if isinstance(outcome, Later):
            ...     # do something else, and call.attempt() again at `outcome.at`
        else:
            ...     # an Answer

    Either way the last failure is raised, as the `ResonanceError` that it is, and the policy, the
    deadline and the retry budget hold. A call belongs to one thread at a time, but may move from
    one to another. With `start` one thread has many calls under way.

    Attributes:
        ticket: The limiter's number for the next attempt, where its turn has come already.
        heard: The headers of the last attempt's answer; None if it had none.

    Args:
        transport: What the calls of a client share.
        method: An HTTP method. All but GET are sent under an idempotency key.
        path: The path below the base URL, quoted.
        payload: The JSON to send, or None for no body.
        params: The query; a value of None is left out.
        headers: More headers.
        answer: The class of the answer.
        expect: The fields that the answer has to have, and their types.
        text: Take an answer in plain text, too.
        read: Makes of the answer's JSON what the caller gets.
        idempotency_key: The key to use instead of a new one: that of an earlier call whose
            outcome is unknown, to learn it without doing the work twice.
        retry: A policy instead of the transport's.

    Raises:
        TypeError, ValueError: The payload can't be said in JSON; the message names the field.
    """

    fast_path: ClassVar[Callable[..., Begun | None] | None] = None
    """Carries out an ordinary exchange quicker; all works without it (`fast`)."""

    def __init__(
        self,
        transport: Transport,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        answer: type[A] = Answer,  # type: ignore[assignment]  # the default of A
        expect: Shape | None = None,
        text: bool = False,
        read: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        idempotency_key: str | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.attempts = 0
        self.ticket: int | None = None
        key = None if method == "GET" else arguments.idempotency_key(idempotency_key)
        self.idempotency_key = None if method == "GET" else key or secrets.token_hex(16)
        self._transport = transport
        self._body = None if payload is None else encode(payload)
        self._params = {name: value for name, value in (params or {}).items() if value is not None}
        self._headers = {**headers} if headers else {}
        if self._body is not None:
            self._headers["Content-Type"] = "application/json"
        if self.idempotency_key:
            self._headers["Idempotency-Key"] = self.idempotency_key
        self._answer = answer
        self._expect = expect or {}
        self._text = text
        self._read = read
        self._retry = retry or transport.retry
        self._expires: float | None = None
        self._paid = 0
        self._last: ResonanceError | None = None
        self._doubt: OutcomeUnknownError | None = None
        self._started: _Request | None = None
        self.heard: Mapping[str, str] | None = None

    def run(self) -> A:
        """Attempts until there is an answer; where there is none, the last failure is raised."""
        policy = self._retry
        while isinstance(outcome := self.attempt(), Later):
            cancellation.sleep(max(0.0, outcome.at - policy.clock()), policy.sleep)
        return outcome

    def attempt(self) -> A | Later:
        """One attempt: its answer, or when to make the next; raises where there is no next."""
        transport = self._transport
        cancellation.begin(self)
        ticket = self._leave()
        try:
            request, self._started = self._started or self._request(), None
            self.attempts += 1
            outcome = self._exchange(request)
        except BaseException:
            transport.limiter.lost(ticket)
            raise
        self._tell(ticket, outcome)
        if isinstance(outcome, Answer):
            transport.quota.refund(self._paid or SUCCESS_REFUND)
            return outcome
        if not isinstance(outcome, ResonanceError):
            raise outcome  # an argument that can't be sent, or an interrupt
        cancellation.check()
        outcome.attempts = self.attempts
        self._last = outcome
        later = self._plan(outcome)
        if later is not None:
            log.info("%s %s will be tried again: %s", self.method, self.path, outcome)
            return later
        raise self._verdict(outcome)

    def _leave(self) -> int:
        """The limiter's number for the next attempt, which may have to wait for its turn."""
        limiter, ticket = self._transport.limiter, self.ticket
        self.ticket, self.heard = None, None
        if ticket is not None:
            return ticket
        if not self._transport.pace:
            return limiter.take()
        longest = self._retry.max_wait
        if self._transport.deadline is not None:
            longest = self._timeout(whole=True)
        turn = limiter.acquire(longest)
        if isinstance(turn, int):
            return turn
        raise self._verdict(
            NotYetAllowedError(
                f"The rate limit lets no request leave for {turn:,.0f} seconds, which is longer "
                "than this call may wait.",
                retry_after=turn,
                attempts=self.attempts,
            )
        )

    def _tell(self, ticket: int, outcome: object) -> None:
        """Let the limiter know what became of the attempt."""
        self._transport.limiter.ended(ticket, self.heard, outcome)
        if isinstance(outcome, RateLimitedError) and outcome.retry_after is None and self.heard:
            limit = RateLimit.from_headers(self.heard, self._retry.now())
            if limit and not limit.remaining:
                outcome.retry_after = limit.reset

    def start(self) -> InFlight | None:
        """Send the next attempt's request, if nothing in it has to be waited for.

        When its answer has come, `attempt` has it without waiting. None if there is no connection
        yet, or if a proxy, a hook, an auth that fetches a token or a session of the caller's own
        may take a while: then `attempt` does it all.
        """
        try:
            request = self._request()
            begun = self._begin(request, wait=False)
        except (ResonanceError, *BROKEN_OFF):  # `attempt` will meet it, too
            return None
        self._started = None if begun is None else request
        return begun if begun and begun.is_sent else None

    def _timeout(self, *, whole: bool = False) -> float:
        """Seconds that the next attempt may take, or all that is left of the deadline."""
        transport, now = self._transport, self._retry.clock()
        if transport.deadline is None:
            return transport.timeout
        if self._expires is None:
            self._expires = now + transport.deadline
        left = self._expires - now
        if self._last is not None and left < LEAST:  # who drives the attempts came too late
            raise self._verdict(self._last)
        return left if whole else min(transport.timeout, left)

    def _plan(self, error: ResonanceError) -> Later | None:
        """When to try again after this failure, or None for never."""
        policy = self._retry
        if self.attempts >= policy.max_attempts or not policy.allows(
            error, method=self.method, has_deadline=self._expires is not None
        ):
            return None
        now = policy.clock()
        longest = policy.max_wait if self._expires is None else self._expires - now - LEAST
        asked = error.retry_after
        wait = policy.wait(self.attempts, asked)
        if asked is not None and asked <= longest:
            wait = min(wait, longest)
        if wait > longest:
            return None
        if not self._transport.quota.pay(RETRY_COST):
            log.warning("the retry budget is spent; %s %s fails", self.method, self.path)
            return None
        self._paid = RETRY_COST
        if isinstance(error, OutcomeUnknownError):
            self._doubt = error
        return Later(now + wait, error)

    def _verdict(self, error: ResonanceError) -> ResonanceError:
        """The error to raise.

        One that says "nothing was done" is no longer true where an earlier attempt may have done
        it.
        """
        final = isinstance(error, StatusError) and not error.retryable
        if self._doubt is None or final or isinstance(error, OutcomeUnknownError):
            return error
        if self.method == "GET":
            return error
        return OutcomeUnknownError(
            f"{error.message} An earlier attempt may have been carried out, though: "
            f"{self._doubt.message}",
            response_code=error.response_code,
            request_id=error.request_id or self._doubt.request_id,
            retry_after=error.retry_after,
            attempts=self.attempts,
        )

    def _request(self) -> _Request:
        """The next attempt, whose time begins to run."""
        transport = self._transport
        deadline = Deadline(self._timeout())
        return _Request(
            deadline, Signing(transport, f"{self.method} {self.path}"), time.perf_counter()
        )

    def _begin(self, request: _Request, wait: bool = True) -> Begun | None:
        """What the fast path makes of it; None if the attempt has to go the libraries' way."""
        if self.fast_path is None:
            return None
        request.begun = self.fast_path(
            self._transport.session,
            self.method,
            self._transport.base_url + self.path,
            params=self._params,
            headers=self._headers,
            data=self._body,
            auth=request.signing,
            deadline=request.deadline,
            wait=wait,
        )
        return request.begun

    def _send(self, request: _Request) -> requests.Response:
        begun = request.begun or self._begin(request)
        if begun is not None:
            return begun.response()
        return self._transport.session.request(
            self.method,
            self._transport.base_url + self.path,
            params=self._params,
            headers=self._headers,
            data=self._body,
            auth=request.signing,
            timeout=request.deadline,  # type: ignore[arg-type, unused-ignore]
            allow_redirects=False,
            stream=True,
        )

    def _exchange(self, request: _Request) -> A | BaseException:
        """Send the request and read the answer.

        What goes wrong is returned, an interrupt too: raised from here, its traceback would lead
        to the prepared request and its credentials.
        """
        transport, response = self._transport, None
        try:
            with bounded(request.deadline):  # getting a token counts, too
                try:
                    response = self._send(request)
                except requests.HTTPError as error:
                    response = refused_by_hook(error, transport.base_url + self.path)
                content = read_content(response, transport.size_cap)
            return self._outcome(request, response, content)
        except ResonanceError as error:  # an auth class could not get its token
            return bare(error)
        except UnicodeEncodeError:
            return ValueError(UNSENDABLE)
        except BROKEN_OFF as error:
            if not request.signing.is_done and isinstance(error, InvalidHeader):
                return ValueError(UNSENDABLE)
            if response is not None:
                response.close()
            return explain(error, origin=transport.base_url, timeout=request.deadline.seconds)
        except BaseException as error:
            if request.begun is not None:
                request.begun.drop()
            if isinstance(error, Exception):
                without(LIBRARIES, error)
                raise  # a mistake in the program, or in one of its hooks
            return bare(error)

    def _outcome(
        self, request: _Request, response: requests.Response, content: bytes | BadResponseError
    ) -> A | ResonanceError:
        """What the answer says, and what beside it is to be remembered."""
        headers = response.headers
        elapsed = time.perf_counter() - request.began
        sent = response.request or request.signing  # an auth class may have sent another one
        if log.isEnabledFor(logging.DEBUG):
            shown = masked(redacted(headers), credentials(sent.headers))
            log.debug("<- %s in %.1f ms %s", response.status_code, elapsed * 1e3, shown)
        self.heard = headers
        document: dict[str, Any] | ResonanceError
        if isinstance(content, ResonanceError):
            response.close()
            document = content
        else:
            document = check(response, content, self._expect, self._text)
        if isinstance(document, ResonanceError):
            # Servers repeat what they were sent: "wrong key: ...".
            vars(document).update(masked(vars(document), credentials(sent.headers)))
            document.args = (document.message,)
            document.retry_after = parse_retry_after(
                headers.get("Retry-After"), now=self._retry.now(), date=headers.get("Date")
            )
            return document
        return self._answer(
            self._read(document),
            status_code=response.status_code,
            headers=headers,
            elapsed=elapsed,
            attempts=self.attempts,
        )

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.path}, {self.attempts} attempts>"
