"""The client: one method for each operation of the API.

Every method does the same three things: it puts its arguments into a `Call` (a request with its
expectations of the answer), has it carried out, and returns the answer's JSON as a dict. What
happens between the call and the socket (retries, deadlines, checks) is in `transport`.

**Failures.** By default a failure is returned, as a dict with ``"status": "error"``, and with
``on_error="raise"`` it is raised, as the `errors.ResonanceError` of which that dict is the face.
A mistake in the program raises in both modes, and at once: TypeError for an argument of the wrong
type, ValueError for one that could not be sent (NaN in a field, a name that would change the
path). What only the server can judge goes to the server and fails there: an empty prompt, an
unknown profile, a vector of seven numbers.

**Putting a call aside.** `prepare_generation` returns the `Call` of `generate_content` without
making it. ``call.attempt()`` makes one attempt and returns an `Answer`, or a `Later` whose `at`
says when to make the next one, on the clock of the retry policy; it raises the error where there
is no next. `batch` uses that to go on with other items while one has to wait, and
`client.limiter` to keep its pace.
"""

from __future__ import annotations

import copy
import os
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

import requests
from requests.auth import AuthBase

from .auth import ApiKeyAuth, Secret
from .calls.api_keys import ApiKeyCalls
from .calls.generation import GenerationCalls
from .calls.health import HealthCalls
from .calls.profiles import ProfileCalls
from .calls.webhooks import WebhookCalls
from .errors import InsecureTransportError
from .transport import Limiter, RateLimit, RetryPolicy, Transport, arguments
from .transport.address import is_loopback, web_address
from .transport.arguments import kind
from .transport.quota import RetryQuota
from .transport.signing import INSECURE

if TYPE_CHECKING:
    from typing import Unpack

    from .types import ClientOptions

__all__ = ["AuthenticatedAPIClient", "ResonanceOSAPIClient"]

_SAME: Any = ...


class ResonanceOSAPIClient(HealthCalls, GenerationCalls, ProfileCalls, ApiKeyCalls, WebhookCalls):
    """A client of the ResonanceOS v6 API, safe to share between threads.

    >>> api = ResonanceOSAPIClient("http://localhost:8000")
    >>> answer = api.generate_content("The future of artificial intelligence")
    >>> answer["article"], answer["hrv_feedback"]

    What a method returns is a dict: an `Answer` of `transport`, which has what HTTP said beside it
    in attributes (`.request_id`, `.etag`, `.elapsed`, ...), or a `Failure` of `errors`.

    Args:
        base_url: Where the API is; a path below the host is kept.
        timeout: Seconds for one attempt, from the name look-up to the last byte of the answer.
        auth: Credentials: a class of `auth`, such as `ApiKeyAuth`, or any `requests` AuthBase.
        retry: When a failed attempt is tried again; None for never.
        deadline: Seconds for a whole call, with all its attempts and waits; None for no bound.
        on_error: ``"return"`` an error as a dict, or ``"raise"`` it.
        session: A session of your own, with adapters, hooks, proxies or certificates. With one
            that is not a `transport.Session`, `timeout` bounds single reads, not the attempt.
        allow_http: Send credentials unencrypted, to a host that is not this machine.
        pace: Let each call wait for its turn by the server's rate limit, all threads together, in
            place of being refused. Batches do so in any case.

    Raises:
        TypeError, ValueError: An argument is of the wrong type, or could not work.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        timeout: float = 30,
        *,
        auth: AuthBase | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008  (immutable)
        deadline: float | None = None,
        on_error: Literal["return", "raise"] = "return",
        session: requests.Session | None = None,
        allow_http: bool = False,
        pace: bool = False,
    ) -> None:
        base_url, private = _base_url(base_url)
        arguments.flag("allow_http", allow_http)
        if auth is not None and (isinstance(auth, type) or not callable(auth)):
            raise TypeError(f"auth is a {kind(auth)}, not an AuthBase like ApiKeyAuth(key)")
        if auth is not None and not (private or allow_http):
            raise InsecureTransportError(INSECURE.format(origin=base_url))
        self.on_error = on_error
        self._transport = Transport(
            base_url=base_url,
            session=_session(session),
            auth=auth,
            timeout=arguments.seconds("timeout", timeout),
            deadline=arguments.optional_seconds("deadline", deadline),
            retry=arguments.policy(retry),
            trusted=private or allow_http,
            pace=arguments.flag("pace", pace),
        )

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """The client that the environment describes.

        ===========================  ===========================================================
        ``RESONANCE_URL``            where the API is
        ``RESONANCE_API_KEY``        an API key; or, where there is none:
        ``RESONANCE_CLIENT_ID``      a client's id, and
        ``RESONANCE_CLIENT_SECRET``  its secret, for OAuth's client credentials. The server tells
                                     where its token endpoint is
                                     (`OAuth2ClientCredentials.discover`)
        ``RESONANCE_ALLOW_HTTP``     1: credentials may travel unencrypted, as by `allow_http`
        ===========================  ===========================================================

        >>> api = ResonanceOSAPIClient.from_env(deadline=60)

        Args:
            **options: As for the class.

        Raises:
            LookupError: A variable that is needed is not set; the message names it.
            ValueError: What is in one could not work; likewise.
        """
        url = _variable("RESONANCE_URL")
        if not url:
            raise LookupError(
                "the environment variable RESONANCE_URL is not set. Fix: set it to the API's "
                "address, such as http://localhost:8000"
            )
        _base_url(url, "the environment variable RESONANCE_URL")
        if _switch("RESONANCE_ALLOW_HTTP"):
            options.setdefault("allow_http", True)
        return cls(url, auth=_environments_auth(url), **options)

    # --- settings ---------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return self._transport.base_url

    @property
    def session(self) -> requests.Session:
        """What sends the requests; may be set, to one of your own."""
        return self._transport.session

    @session.setter
    def session(self, session: requests.Session | None) -> None:
        self._transport.session = _session(session)

    @property
    def on_error(self) -> Literal["return", "raise"]:
        """Whether an error is returned as a dict or raised; may be set."""
        return self._on_error

    @on_error.setter
    def on_error(self, on_error: Literal["return", "raise"]) -> None:
        if on_error not in ("return", "raise"):
            told = f"on_error is {arguments.shown(on_error)}"
            raise ValueError(f"{told}; it can be 'return' or 'raise'")
        self._on_error = on_error

    @property
    def auth(self) -> AuthBase | None:
        """The credentials that calls carry, as a bare call of `requests` takes them too."""
        return self._transport.auth

    @property
    def timeout(self) -> float:
        """Seconds for one attempt; may be set."""
        return self._transport.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._transport.timeout = arguments.seconds("timeout", seconds)

    @property
    def deadline(self) -> float | None:
        """Seconds for a whole call, or None; may be set."""
        return self._transport.deadline

    @deadline.setter
    def deadline(self, seconds: float | None) -> None:
        self._transport.deadline = arguments.optional_seconds("deadline", seconds)

    @property
    def retry(self) -> RetryPolicy:
        """When a failed attempt is tried again."""
        return self._transport.retry

    @property
    def retry_quota(self) -> RetryQuota:
        """The budget out of which this client's retries are paid."""
        return self._transport.quota

    @property
    def limiter(self) -> Limiter:
        """What counts this client's requests, and says when the server takes the next one."""
        return self._transport.limiter

    @property
    def rate_limit(self) -> RateLimit | None:
        """What is left of the rate limit, as of the last answer to any thread."""
        return self._transport.limiter.limit()

    def with_options(
        self,
        *,
        timeout: float = _SAME,
        deadline: float | None = _SAME,
        retry: RetryPolicy | None = _SAME,
        on_error: Literal["return", "raise"] = _SAME,
        pace: bool = _SAME,
    ) -> Self:
        """A client with some options changed, over the same connections, budget and rate limit.

        What is left out stays as it is; None means what it means for a new client.
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._transport = copy.copy(self._transport)
        if timeout is not _SAME:
            other.timeout = timeout
        if deadline is not _SAME:
            other.deadline = deadline
        if retry is not _SAME:
            other._transport.retry = arguments.policy(retry)
        if pace is not _SAME:
            other._transport.pace = arguments.flag("pace", pace)
        if on_error is not _SAME:
            other.on_error = on_error
        return other

    def close(self) -> None:
        """Close the connections. The client opens new ones if it is used again."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, timeout={self.timeout:g})"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a client does not travel: it holds connections and perhaps a secret. Give the worker "
            "a function that makes one there"
        )


class AuthenticatedAPIClient(ResonanceOSAPIClient):
    """A client that sends an API key: ``AuthenticatedAPIClient(url, Secret.from_env())``."""

    def __init__(
        self,
        base_url: str,
        api_key: str | Secret | None = None,
        *,
        auth: AuthBase | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(
            base_url, auth=auth if api_key in (None, "") else ApiKeyAuth(api_key), **options
        )


@cache
def _user_agent() -> str:
    # Imported here, because it takes longer than the rest of this module.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"ResonanceOS-Client/{version('resonance-helpers')}"
    except PackageNotFoundError:  # copied into another project
        return "ResonanceOS-Client/0"


def _session(given: requests.Session | None) -> requests.Session:
    used = arguments.session(given)
    if given is None:
        used.headers["User-Agent"] = _user_agent()
        used.headers["Accept"] = "application/json"
    return used


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def _switch(name: str) -> bool:
    """Whether a variable is set to 1; a word that could mean either is refused."""
    value = _variable(name)
    if value not in ("", "0", "1"):
        told = f"the environment variable {name} is {arguments.shown(value)}"
        raise ValueError(f"{told}. Fix: set it to 1, or unset it")
    return value == "1"


def _environments_auth(url: str) -> AuthBase | None:
    if _variable("RESONANCE_API_KEY"):
        return ApiKeyAuth(Secret.from_env("RESONANCE_API_KEY"))
    identity = _variable("RESONANCE_CLIENT_ID")
    if not identity and not _variable("RESONANCE_CLIENT_SECRET"):
        return None
    if not identity:
        raise LookupError(
            "the environment variable RESONANCE_CLIENT_ID is not set, and RESONANCE_CLIENT_SECRET "
            "is. Fix: set both, or neither"
        )
    from .auth import OAuth2ClientCredentials

    secret = Secret.from_env("RESONANCE_CLIENT_SECRET")
    return OAuth2ClientCredentials.discover(url, identity, secret)


def _base_url(url: Any, name: str = "base_url") -> tuple[str, bool]:
    """The base URL without its last slash, and whether credentials may travel there."""
    parts = web_address(name, url)
    if parts.query or parts.fragment:
        raise ValueError(f"{name} can't have a query or a fragment")
    private = parts.scheme == "https" or is_loopback(parts.hostname or "")
    return parts.geturl().rstrip("/"), private
