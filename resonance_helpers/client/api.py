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
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Literal, Self
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from .auth import ApiKeyAuth, Secret
from .errors import InsecureTransportError, ResonanceError, UnexpectedShapeError
from .transport import NO_RETRIES, Call, Limiter, RateLimit, RetryPolicy, Transport, arguments
from .transport.address import is_loopback, web_address
from .transport.arguments import is_number, kind
from .transport.call import INSECURE
from .transport.quota import RetryQuota

__all__ = ["AuthenticatedAPIClient", "ResonanceOSAPIClient"]

LONGEST_CURSOR = 8_000
"""Characters; a longer one fits into no URL."""

_NUMBER = (int, float)
_SAME: Any = ...


class ResonanceOSAPIClient:
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
        if auth is not None and not callable(auth):
            raise TypeError(f"auth is a {kind(auth)}; it has to be an AuthBase like ApiKeyAuth")
        if auth is not None and not (private or allow_http):
            raise InsecureTransportError(INSECURE.format(origin=base_url))
        self.on_error: Literal["return", "raise"] = _mode(on_error)
        self.session = arguments.session(session)
        if session is None:
            self.session.headers["User-Agent"] = _user_agent()
            self.session.headers["Accept"] = "application/json"
        self._transport = Transport(
            base_url=base_url,
            session=self.session,
            auth=auth,
            timeout=arguments.seconds("timeout", timeout),
            deadline=_optional_seconds("deadline", deadline),
            retry=arguments.policy(retry),
            trusted=private or allow_http,
            pace=bool(pace),
        )

    # --- health and metrics -----------------------------------------------------------------

    def health_check(self) -> dict[str, Any]:
        """GET /health: ``status`` (healthy, degraded), ``version``, ``checks``.

        Never retried: the point is to hear how the server is now.
        """
        return self._run(self._get("/health", expect={"status": str}, retry=NO_RETRIES))

    def get_system_metrics(self) -> dict[str, Any]:
        """GET /metrics: requests, errors, times and feedback so far, in all and by endpoint."""
        return self._run(self._get("/metrics"))

    def get_prometheus_metrics(self) -> dict[str, Any]:
        """GET /metrics as a Prometheus server reads them: ``{"text": ...}``."""
        accept = {"Accept": "text/plain; version=0.0.4"}
        return self._run(self._get("/metrics", headers=accept, expect={"text": str}, text=True))

    # --- generation -------------------------------------------------------------------------

    def generate_content(
        self,
        prompt: str,
        tenant: str | None = None,
        profile_name: str | None = None,
        *,
        idempotency_key: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """POST /hr_generate: an article on `prompt`, in the style of a profile.

        Args:
            prompt: What to write about; the server takes 1 to 5,000 characters.
            tenant: Whose profiles to use; None for the caller's own.
            profile_name: The style; None for ``neutral_professional``.
            idempotency_key: The key of an earlier call, to get its answer and not a second one.
            **kwargs: ``paragraphs`` (1 to 8), ``max_length`` (characters), ``temperature``
                (0 to 2), ``seed``.

        Returns:
            ``article``, ``hrv_feedback`` (0 to 1; 1 is exact), ``hrv_vector`` (8 numbers, as
            measured), ``target_hrv`` (8 numbers), ``paragraphs``, ``generation_time``, ...
        """
        return self._run(
            self.prepare_generation(
                prompt, tenant, profile_name, idempotency_key=idempotency_key, **kwargs
            )
        )

    def prepare_generation(
        self,
        prompt: str,
        tenant: str | None = None,
        profile_name: str | None = None,
        *,
        idempotency_key: str | None = None,
        **kwargs: Any,
    ) -> Call:
        """The `Call` that `generate_content` makes, not made yet."""
        payload = {
            "prompt": _text("prompt", prompt),
            "tenant": _optional_text("tenant", tenant),
            "profile_name": _optional_text("profile_name", profile_name),
            **kwargs,
        }
        return self._post(
            "/hr_generate",
            payload,
            expect={"article": str, "hrv_feedback": _NUMBER},
            idempotency_key=idempotency_key,
        )

    def measure_text(self, text: str) -> dict[str, Any]:
        """POST /hrv: the ``hrv_vector`` of any text, and the evidence found for each dimension."""
        call = self._post("/hrv", {"text": _text("text", text)}, expect={"hrv_vector": list})
        return self._run(call)

    # --- tenants ----------------------------------------------------------------------------

    def get_tenants(self) -> dict[str, Any]:
        """GET /tenants: the tenants that this caller may use."""
        return self._run(self._get("/tenants", expect={"tenants": list}))

    def create_tenant(self, tenant: str, access: str = "private") -> dict[str, Any]:
        """POST /tenants: a new tenant, ``open`` or ``private``. Needs the scope ``admin``."""
        payload = {"tenant": _text("tenant", tenant), "access": _text("access", access)}
        return self._run(self._post("/tenants", payload, expect={"tenant": str}))

    # --- profiles ---------------------------------------------------------------------------

    def get_profiles(
        self, tenant: str | None = None, *, limit: int | None = None, cursor: str | None = None
    ) -> dict[str, Any]:
        """GET /profiles: one page of the shared profiles and the tenant's own.

        Returns:
            ``profiles``, ``count``, and ``next_cursor``: the `cursor` of the next page, or None.
            `iter_profiles` turns the pages by itself.
        """
        return self._run(self._profiles_page(tenant, limit, cursor))

    def iter_profiles(
        self, tenant: str | None = None, *, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """All profiles, page after page of `limit` each.

        An error is raised in both modes: a loop has no place for an error dict.
        """
        cursor, marked, steps, stride = None, None, 0, 1
        while True:
            page = self._profiles_page(tenant, limit, cursor).run()
            yield from page["profiles"]
            cursor = page.get("next_cursor")
            if not cursor:
                return
            if not isinstance(cursor, str) or len(cursor) > LONGEST_CURSOR:
                raise UnexpectedShapeError("The answer's `next_cursor` is none.")
            if cursor == marked:
                raise UnexpectedShapeError("The answer's `next_cursor` leads in a circle.")
            steps += 1
            if steps == stride:  # a circle of any length is found (Brent), with one mark
                marked, steps, stride = cursor, 0, 2 * stride

    def create_profile(
        self,
        tenant: str,
        profile_name: str,
        hrv_vector: Iterable[float],
        metadata: Mapping[str, Any] | None = None,
        *,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """POST /profiles: a style of the tenant's own.

        Args:
            tenant: The tenant it belongs to.
            profile_name: A small letter or digit, then up to 63 more, ``_`` and ``-``.
            hrv_vector: Eight numbers in the order of `hrv.DIMENSIONS`, each 0 to 1, but
                `emotional_valence` -1 to 1.
            metadata: Anything that JSON can say.
            description: What the style is for.
            idempotency_key: The key of an earlier call, to get its answer and not a second one.
        """
        payload = {
            "tenant": _text("tenant", tenant),
            "profile_name": _text("profile_name", profile_name),
            "hrv_vector": _numbers("hrv_vector", hrv_vector),
            "metadata": _optional_mapping("metadata", metadata),
            "description": _optional_text("description", description),
        }
        return self._run(
            self._post(
                "/profiles",
                payload,
                expect={"profile_name": str},
                idempotency_key=idempotency_key,
            )
        )

    def get_profile(self, tenant: str, profile_name: str) -> dict[str, Any]:
        """GET one profile; the answer's `.etag` is its version."""
        return self._run(
            self._get(_path("profiles", tenant, profile_name), expect={"profile_name": str})
        )

    def update_profile(
        self,
        tenant: str,
        profile_name: str,
        hrv_vector: Iterable[float],
        metadata: Mapping[str, Any] | None = None,
        *,
        description: str | None = None,
        if_match: str | None = None,
    ) -> dict[str, Any]:
        """PUT one profile anew.

        With `if_match`, the `.etag` of an answer, only if nobody else has changed it since (else
        ``precondition-failed``).
        """
        payload = {
            "hrv_vector": _numbers("hrv_vector", hrv_vector),
            "metadata": _optional_mapping("metadata", metadata),
            "description": _optional_text("description", description),
        }
        return self._run(
            self._call(
                "PUT",
                _path("profiles", tenant, profile_name),
                payload,
                headers=_if_match(if_match),
                expect={"profile_name": str},
            )
        )

    def delete_profile(
        self, tenant: str, profile_name: str, *, if_match: str | None = None
    ) -> dict[str, Any]:
        """DELETE one profile; `if_match` as in `update_profile`. Returns an empty dict."""
        path = _path("profiles", tenant, profile_name)
        return self._run(self._call("DELETE", path, headers=_if_match(if_match)))

    # --- API keys ---------------------------------------------------------------------------

    def get_api_keys(self, tenant: str | None = None) -> dict[str, Any]:
        """GET /api_keys: the keys that this caller manages, without the keys themselves.

        Needs the scope ``admin``, as all that follows here.
        """
        params = {"tenant": _optional_text("tenant", tenant)}
        return self._run(self._get("/api_keys", params=params, expect={"api_keys": list}))

    def create_api_key(
        self,
        scopes: Iterable[str],
        tenant: str | None = None,
        *,
        name: str | None = None,
        expires_in: int | None = None,
    ) -> dict[str, Any]:
        """POST /api_keys: a new key.

        Args:
            scopes: What it may do, such as ``["generate", "profiles:read"]``.
            tenant: Whose it is; None for the caller's own.
            name: What it is for.
            expires_in: Seconds that it is good for; None for no end.

        Returns:
            ``id``, ``scopes``, ``expires_at``, ... and ``key``, a `Secret`. The server shows it
            this once: an answer that was `.replayed` has None there, and the key is lost.
        """
        payload = {
            "scopes": _texts("scopes", scopes),
            "tenant": _optional_text("tenant", tenant),
            "name": _optional_text("name", name),
            "expires_in": expires_in,
        }
        return self._run(self._post("/api_keys", payload, expect={"id": str}, read=_masked))

    def rotate_api_key(self, key_id: str, *, overlap_seconds: int | None = None) -> dict[str, Any]:
        """POST /api_keys/{id}/rotate: a new ``key`` of the same id and scopes, as a `Secret`.

        The one before works for `overlap_seconds` more (None: the server's choice, an hour): time
        to hand out the new one. With 0 it ends at once.
        """
        payload = {"overlap_seconds": overlap_seconds}
        path = _path("api_keys", key_id, "rotate")
        return self._run(self._post(path, payload, expect={"id": str}, read=_masked))

    def delete_api_key(self, key_id: str) -> dict[str, Any]:
        """DELETE one key: it works no more from now on. Returns an empty dict."""
        return self._run(self._call("DELETE", _path("api_keys", key_id)))

    # --- webhooks ---------------------------------------------------------------------------

    def get_webhooks(self, tenant: str | None = None) -> dict[str, Any]:
        """GET /webhooks: the subscriptions of a tenant, without their secrets."""
        params = {"tenant": _optional_text("tenant", tenant)}
        return self._run(self._get("/webhooks", params=params, expect={"webhooks": list}))

    def create_webhook(
        self,
        url: str,
        events: Iterable[str],
        tenant: str | None = None,
        *,
        secret: str | Secret | None = None,
        description: str | None = None,
    ) -> dict[str, Any]:
        """POST /webhooks: have events sent to a URL.

        Args:
            url: Where to; https, but for a receiver on the sandbox's own machine.
            events: Of ``generation.completed``, ``generation.failed`` and ``profile.created``.
            tenant: Whose events; None for the caller's own.
            secret: What to sign them with (`webhooks.new_secret`); None to have the server make
                one.
            description: What it is for.

        Returns:
            ``id``, ``url``, ``events``, ``status``, ... and ``secret``, a `Secret`. The server
            shows it this once: an answer that was `.replayed` has None there.
        """
        secret = self._signing_secret(secret)
        call = self._post(
            "/webhooks",
            {
                "url": _text("url", url),
                "events": _texts("events", events),
                "tenant": _optional_text("tenant", tenant),
                "description": _optional_text("description", description),
                "secret": secret,
            },
            expect={"id": str},
            read=_masked,
        )
        return self._run(call)

    def get_webhook(self, webhook_id: str) -> dict[str, Any]:
        """GET one subscription: its ``status`` is enabled or disabled."""
        return self._run(self._get(_path("webhooks", webhook_id), expect={"id": str}))

    def delete_webhook(self, webhook_id: str) -> dict[str, Any]:
        """DELETE a subscription and all its deliveries. Returns an empty dict."""
        return self._run(self._call("DELETE", _path("webhooks", webhook_id)))

    def rotate_webhook_secret(
        self,
        webhook_id: str,
        *,
        overlap_seconds: int | None = None,
        secret: str | Secret | None = None,
    ) -> dict[str, Any]:
        """POST /webhooks/{id}/rotate_secret: a new ``secret``, as a `Secret`.

        For `overlap_seconds` more (None: the server's choice, a day) each delivery is signed with
        the one before, too.
        """
        secret = self._signing_secret(secret)
        call = self._post(
            _path("webhooks", webhook_id, "rotate_secret"),
            {"overlap_seconds": overlap_seconds, "secret": secret},
            expect={"id": str},
            read=_masked,
        )
        return self._run(call)

    def test_webhook(self, webhook_id: str) -> dict[str, Any]:
        """POST /webhooks/{id}/test: have an event ``webhook.test`` sent; its delivery."""
        return self._run(self._post(_path("webhooks", webhook_id, "test"), None))

    def enable_webhook(self, webhook_id: str) -> dict[str, Any]:
        """POST /webhooks/{id}/enable: send events again to a URL that had failed too often."""
        return self._run(self._post(_path("webhooks", webhook_id, "enable"), None))

    def get_deliveries(
        self,
        webhook_id: str,
        *,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """GET /webhooks/{id}/deliveries: one page of them, newest first, each with its attempts.

        Args:
            webhook_id: The subscription.
            status: ``pending``, ``delivered`` or ``dead``; None for all.
            limit: How many, at most; None for the server's choice.
            cursor: The ``next_cursor`` of the page before.
        """
        params = {"status": _optional_text("status", status), "limit": limit, "cursor": cursor}
        path = _path("webhooks", webhook_id, "deliveries")
        return self._run(self._get(path, params=params, expect={"deliveries": list}))

    def get_delivery(self, webhook_id: str, delivery_id: str) -> dict[str, Any]:
        """GET one delivery, with the ``payload`` that is sent."""
        path = _path("webhooks", webhook_id, "deliveries", delivery_id)
        return self._run(self._get(path, expect={"id": str}))

    def redeliver(self, webhook_id: str, delivery_id: str) -> dict[str, Any]:
        """POST .../redeliver: send one event again, under its old ``webhook-id``."""
        path = _path("webhooks", webhook_id, "deliveries", delivery_id, "redeliver")
        return self._run(self._post(path, None, expect={"id": str}))

    def redeliver_since(
        self, webhook_id: str, since: str | datetime, *, status: str | None = None
    ) -> dict[str, Any]:
        """POST /webhooks/{id}/redeliver: send again all that ended since a time; ``count``.

        Args:
            webhook_id: The subscription.
            since: A moment with its time zone, a datetime or as in ``2026-01-31T12:00:00Z``.
            status: ``dead`` or ``delivered``; None for both.
        """
        params = {"since": _moment("since", since), "status": _optional_text("status", status)}
        path = _path("webhooks", webhook_id, "redeliver")
        return self._run(self._post(path, None, params=params, expect={"count": int}))

    # --- settings ---------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return self._transport.base_url

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
        self._transport.deadline = _optional_seconds("deadline", seconds)

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
            other._transport.pace = bool(pace)
        if on_error is not _SAME:
            other.on_error = _mode(on_error)
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

    # --- what the methods are made of -------------------------------------------------------

    def _call(self, method: str, path: str, payload: Any = None, **options: Any) -> Call:
        if payload is not None:
            payload = {name: value for name, value in payload.items() if value is not None}
        return Call(self._transport, method, path, payload, **options)

    def _get(self, path: str, **options: Any) -> Call:
        return self._call("GET", path, **options)

    def _post(self, path: str, payload: Any, **options: Any) -> Call:
        return self._call("POST", path, payload, **options)

    def _run(self, call: Call) -> dict[str, Any]:
        try:
            return call.run()
        except ResonanceError as error:
            if self.on_error == "raise":
                raise
            # Whoever keeps the dict would keep all the frames that it came through.
            return error.with_traceback(None).as_dict()

    def _signing_secret(self, secret: str | Secret | None) -> Secret | None:
        """The secret, hidden until it is sent, to where credentials may travel."""
        if secret is None:
            return None
        if not self._transport.trusted:
            raise InsecureTransportError(INSECURE.format(origin=self.base_url))
        return secret if isinstance(secret, Secret) else Secret(_text("secret", secret))

    def _profiles_page(self, tenant: str | None, limit: int | None, cursor: str | None) -> Call:
        params = {"tenant": _optional_text("tenant", tenant), "limit": limit, "cursor": cursor}
        return self._get("/profiles", params=params, expect={"profiles": list})


class AuthenticatedAPIClient(ResonanceOSAPIClient):
    """A client that sends an API key: ``AuthenticatedAPIClient(url, Secret.from_env())``."""

    def __init__(self, base_url: str, api_key: str | Secret | None = None, **options: Any) -> None:
        if api_key:
            options["auth"] = ApiKeyAuth(api_key)
        super().__init__(base_url, **options)


@cache
def _user_agent() -> str:
    # Imported here, because it takes longer than the rest of this module.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"ResonanceOS-Client/{version('resonance-helpers')}"
    except PackageNotFoundError:  # copied into another project
        return "ResonanceOS-Client/0"


# --- arguments: what no server could make sense of raises here -----------------------------------


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {kind(value)}, not a string")
    return value


def _masked(document: dict[str, Any]) -> dict[str, Any]:
    """An answer in which what is shown once is held so that it does not show itself."""
    return {
        name: Secret(value) if name in ("key", "secret") and isinstance(value, str) else value
        for name, value in document.items()
    }


def _optional_text(name: str, value: Any) -> str | None:
    return None if value is None else _text(name, value)


def _optional_mapping(name: str, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is a {kind(value)}, not a dict")
    return dict(value)


def _texts(name: str, values: Any) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is a {kind(values)}, not a list of strings")
    return [_text(f"{name}[{position}]", value) for position, value in enumerate(values)]


def _moment(name: str, value: Any) -> str:
    if not isinstance(value, datetime):
        return _text(name, value)
    if value.tzinfo is None:
        raise ValueError(f"{name} has no time zone; datetime.now(UTC) has one")
    return value.isoformat()


def _numbers(name: str, values: Any) -> list[float]:
    """A list of numbers; how many, and in which range, is for the server to judge."""
    if isinstance(values, str | bytes | Mapping):
        raise TypeError(f"{name} is a {kind(values)}, not a list of numbers")
    try:
        listed = list(values)
    except TypeError:
        raise TypeError(f"{name} is a {kind(values)}, not a list of numbers") from None
    return [_number(f"{name}[{position}]", value) for position, value in enumerate(listed)]


def _number(name: str, value: Any) -> float:
    if not is_number(value):
        raise TypeError(f"{name} is a {kind(value)}, not a number")
    try:
        number = float(value)  # before it is compared: the types of other libraries do that badly
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is not finite, or too large for any range")
    return value if isinstance(value, int) else number


def _optional_seconds(name: str, value: Any) -> float | None:
    return None if value is None else arguments.seconds(name, value)


def _mode(on_error: Any) -> Any:
    if on_error not in ("return", "raise"):
        raise ValueError(f"on_error is {on_error!r}; it can be 'return' or 'raise'")
    return on_error


def _path(*segments: str) -> str:
    """``/a/b`` with each segment quoted whole, so that no name can reach another path."""
    for segment in segments:
        if _text("a name in the path", segment) in ("", ".", ".."):
            raise ValueError(f"{segment!r} can't be a name: it would change the path")
        if not segment.isprintable():
            raise ValueError(f"{segment!r} can't be a name: it has characters that nobody sees")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def _if_match(etag: str | None) -> dict[str, str]:
    if etag is None:
        return {}
    # An empty one would protect nothing.
    if not (
        _text("if_match", etag).strip() == etag != "" and etag.isascii() and etag.isprintable()
    ):
        raise ValueError("if_match has to be the `.etag` of an answer")
    return {"If-Match": etag}


def _base_url(url: Any) -> tuple[str, bool]:
    """The base URL without its last slash, and whether credentials may travel there."""
    parts = web_address("base_url", url)
    if parts.query or parts.fragment:
        raise ValueError("base_url can't have a query or a fragment")
    private = parts.scheme == "https" or is_loopback(parts.hostname or "")
    return parts.geturl().rstrip("/"), private
