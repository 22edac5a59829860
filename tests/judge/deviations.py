"""Deviations from the contract, planted in copies of the sandbox, with the clauses they break."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resonance_sandbox.webhooks import subscriptions
from resonance_sandbox.webhooks.delivery_worker import DeliveryWorker
from resonance_sandbox.webhooks.sending import AttemptOutcome, send, signed

Headers = list[tuple[bytes, bytes]]


class Deviant:
    """Outermost: changes what goes in and what comes out."""

    def __init__(self, app: ASGIApp, deviation: Deviation) -> None:
        self._app = app
        self._deviation = deviation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["headers"] = self._deviation.asked(scope["headers"])
        head: dict[str, Any] = {}
        body = b""

        async def taken() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                message["body"] = self._deviation.body(message.get("body", b""))
            return message

        async def given(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                head.update(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            status, headers, changed = self._deviation.answer(
                scope, head["status"], list(head["headers"]), body
            )
            if changed != body:
                headers = [pair for pair in headers if pair[0] != b"content-length"]
                headers.append((b"content-length", b"%d" % len(changed)))
            await asyncio.sleep(self._deviation.pause)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": changed})

        await self._app(scope, taken, given)


def _same(scope: Scope, status: int, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
    return status, headers, body


@dataclass(frozen=True)
class Deviation:
    """What differs: of a request's headers and body, of an answer, of the deliveries.

    Attributes:
        pause: seconds for which each answer is held back, its request still at work.
    """

    name: str
    breaks: frozenset[str]
    asked: Callable[[Headers], Headers] = lambda headers: headers
    body: Callable[[bytes], bytes] = lambda body: body
    answer: Callable[[Scope, int, Headers, bytes], tuple[int, Headers, bytes]] = _same
    worker: type[DeliveryWorker] = DeliveryWorker
    pause: float = 0.0

    def installed(self, app: Any) -> Any:
        """The same application, with the deviation in it."""
        app.user_middleware.insert(0, Middleware(Deviant, self))
        return app


def without(name: bytes) -> Callable[[Headers], Headers]:
    return lambda headers: [pair for pair in headers if pair[0] != name]


def answers_without(name: bytes) -> Callable[..., tuple[int, Headers, bytes]]:
    return lambda scope, status, headers, body: (status, without(name)(headers), body)


def _forbidden(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    if b"globex" not in scope["query_string"]:
        return status, headers, body
    told = {**json.loads(body), "status": 403, "title": "That tenant is not yours"}
    return 403, headers, json.dumps(told).encode()


def _relative(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    changed = [
        (name, b"%d" % (int(value) - time.time()) if name == b"x-ratelimit-reset" else value)
        for name, value in headers
    ]
    return status, changed, body


def _one_page(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    if scope["path"] != "/profiles" or b"next_cursor" not in body:
        return status, headers, body
    return status, headers, json.dumps({**json.loads(body), "next_cursor": None}).encode()


def _other_issuer(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    if scope["path"].startswith("/.well-known/oauth"):
        body = json.dumps({**json.loads(body), "issuer": "http://elsewhere"}).encode()
    return status, headers, body


def _private_key(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    if scope["path"].endswith("jwks.json"):
        keys = [{**key, "d": "AQAB"} for key in json.loads(body)["keys"]]
        body = json.dumps({"keys": keys}).encode()
    return status, headers, body


def _hasty(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    changed = [(n, b"0" if n == b"retry-after" else v) for n, v in headers]
    return status, changed, body


def _plain_errors(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    changed = [(n, v.replace(b"problem+json", b"json")) for n, v in headers]
    return (status, changed, body) if status == 404 else (status, headers, body)


def _at(path: str, change: Callable[[Any], Any], method: str | None = None) -> Callable[..., Any]:
    """Changes the JSON that is answered below a path."""

    def changed(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
        if scope["path"].startswith(path) and method in (None, scope["method"]) and body:
            body = json.dumps(change(json.loads(body))).encode()
        return status, headers, body

    return changed


def _otherwise(method: str, path: str, found: int, told: int) -> Callable[..., Any]:
    """Another status than the right one."""

    def changed(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
        if (scope["method"], status) == (method, found) and scope["path"].startswith(path):
            told_of = {**json.loads(body), "status": told}
            return told, headers, json.dumps(told_of).encode()
        return status, headers, body

    return changed


def _replays_of_posts_alone(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    if scope["method"] != "POST":
        headers = without(b"idempotency-replayed")(headers)
    return status, headers, body


def _without_attempts(told: Any) -> Any:
    return {**told, "attempts": []} if "attempts" in told else told


SHOWN: dict[str, str] = {}
"""The keys that a deviant has shown, by their ids."""


def _keys_again(scope: Scope, status: int, headers: Headers, body: bytes) -> Any:
    if scope["path"].startswith("/api_keys") and body:
        told = json.loads(body)
        if "key" in told:
            SHOWN[told["id"]] = told["key"]
        for one in told.get("api_keys", []):
            one["key"] = SHOWN.get(one["id"])
        body = json.dumps(told).encode()
    return status, headers, body


def _rest_is_reset(body: bytes) -> bytes:
    """What a PUT does: what is left out is taken for what it is at first."""
    if body == b'{"description": "changed"}':
        return json.dumps({**json.loads(body), "events": ["profile.created"]}).encode()
    return body


class Forgetful(DeliveryWorker):
    """Signs with the newest secret alone."""

    async def attempt(self, row: Any) -> AttemptOutcome:
        at, now = self._clock.shown(), self._clock()
        newest = subscriptions.secrets_of(self._box, row, now)[0]
        headers = signed(row.event, row.body, [newest], now)
        return await send(self._guard, row.url, headers, row.body, at, self._timeout, now)


class Once(DeliveryWorker):
    """Takes what was delivered for delivered for ever."""

    delivered: frozenset[str] = frozenset()

    async def attempt(self, row: Any) -> AttemptOutcome:
        if row.event in self.delivered:
            return AttemptOutcome(self._clock.shown(), 200)
        outcome = await super().attempt(row)
        if outcome.delivered:
            self.delivered |= {row.event}
        return outcome


class Careless(DeliveryWorker):
    """Signs with a secret that nobody has."""

    async def attempt(self, row: Any) -> AttemptOutcome:
        at, now = self._clock.shown(), self._clock()
        secret = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
        headers = signed(row.event, row.body, [secret], now)
        return await send(self._guard, row.url, headers, row.body, at, self._timeout, now)


IDEMPOTENCY = (
    "idempotency-replay idempotency-effect idempotency-reuse idempotency-at-once "
    "idempotency-methods webhook-secret-once"
)


def _(name: str, breaks: str, **changes: Any) -> Deviation:
    return Deviation(name, frozenset(breaks.split()), **changes)


DEVIATIONS = (
    _("a caller's request id is not kept", "request-ids", asked=without(b"x-request-id")),
    _(
        "a 404 is plain JSON",
        "problems problem-types tenants-look-absent unknown-profile lost-updates "
        "foreign-tenants webhook-changes-checked webhook-redelivery",
        answer=_plain_errors,
    ),
    _(
        "a replay is not told",
        "idempotency-replay idempotency-at-once idempotency-methods",
        answer=answers_without(b"idempotency-replayed"),
    ),
    _(
        "a replay is not told, nor met by whoever comes at once",
        "idempotency-replay idempotency-at-once idempotency-methods",
        answer=answers_without(b"idempotency-replayed"),
        pause=0.3,
    ),
    _("keys are ignored", IDEMPOTENCY, asked=without(b"idempotency-key")),
    _("If-Match is ignored", "lost-updates", asked=without(b"if-match")),
    _("there is no ETag", "etag lost-updates", answer=answers_without(b"etag")),
    _("another's tenant is forbidden", "tenants-look-absent", answer=_forbidden),
    _("the reset is relative", "rate-limit-reset", answer=_relative),
    _("NaN is taken for nought", "no-numbers", body=lambda body: body.replace(b"NaN", b"0")),
    _("there is one page alone", "cursors cursors-hold", answer=_one_page),
    _("another issuer is named", "oauth-metadata", answer=_other_issuer),
    _("a private key is shown", "jwks", answer=_private_key),
    _(
        "deliveries are signed amiss",
        "webhook-signatures webhook-retries webhook-rotation",
        worker=Careless,
    ),
    _("Retry-After is too short", "limits-refuse", answer=_hasty),
    _(
        "every tenant is listed",
        "tenants",
        answer=_at(
            "/tenants",
            lambda told: {
                "tenants": [*told["tenants"], {**told["tenants"][0], "tenant": "globex"}],
                "count": told["count"] + 1,
            },
        ),
    ),
    _(
        "the feedback is a fair guess",
        "feedback",
        answer=_at(
            "/hr_generate",
            lambda told: {**told, "hrv_feedback": 0.5} if "article" in told else told,
        ),
    ),
    _(
        "the length is counted in bytes",
        "lengths",
        answer=_at(
            "/hr_generate",
            lambda told: (
                {**told, "content_length": 1 + told["content_length"]}
                if "article" in told
                else told
            ),
        ),
    ),
    _(
        "another's tenant is forbidden to write in",
        "foreign-tenants",
        answer=_otherwise("POST", "/profiles", 404, 403),
    ),
    _("keys are for POST alone", "idempotency-methods", answer=_replays_of_posts_alone),
    _("a name may begin with a hyphen", "names", body=lambda body: body.replace(b'"-', b'"')),
    _(
        "a lacking scope is a lacking credential",
        "scopes",
        answer=_otherwise("POST", "/hr_generate", 403, 401),
    ),
    _("keys are listed as they are", "api-keys", answer=_keys_again),
    _("PATCH does what PUT does", "webhook-changes", body=_rest_is_reset),
    _(
        "a bad change is no error",
        "webhook-changes-checked",
        answer=_otherwise("PATCH", "/webhooks", 422, 200),
    ),
    _("the newest secret alone signs", "webhook-rotation", worker=Forgetful),
    _("attempts are not told", "webhook-deliveries", answer=_at("/webhooks", _without_attempts)),
    _("what was delivered is not sent again", "webhook-redelivery", worker=Once),
    _(
        "a replay shows the secret",
        "webhook-secret-once",
        answer=_at(
            "/webhooks",
            lambda told: (
                {**told, "secret": "whsec_again"} if told.get("secret", "") is None else told
            ),
        ),
    ),
)
