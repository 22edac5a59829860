"""What can go wrong with a call: one exception class per reason.

    ResonanceError
    ├── NotSentError            the server did nothing: it never got the request
    ├── OutcomeUnknownError     the request left, and what became of it is not known
    └── StatusError             the server answered, with an error status

Which branch it is decides what is safe to do next. After a `NotSentError` the call may be made
again as it is. After an `OutcomeUnknownError` it may be made again only under the same
idempotency key, or the work may be done twice. A few classes are in two branches: a 504 is an
answer, and yet the work may have been done.

Every error has a face, `as_dict()`, which is what the client returns unless it is told
``on_error="raise"``. No error holds a credential, nor the request that was sent.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

PROBLEM_PREFIX = "urn:resonanceos:problem:"


class ResonanceError(Exception):
    """A call failed.

    Attributes:
        message: One sentence for people.
        response_code: The HTTP status, or None where there was no answer.
        type: The reason as a short name: the server's problem type without its prefix, or one of
            the client's own, such as ``"connection-failed"``.
        request_id: The server's name for the request, or None where it never answered.
        retryable: True if the same request may well succeed later.
        retry_after: Seconds the server asked to wait, or None.
        attempts: How often the request was tried.
        errors: For invalid fields: ``[{"field", "message"}, ...]``.
        checks: For an unhealthy server: its finding for each part, as `GET /health` tells it; the
            face holds it too, unless it is empty.
        category: One of ``network``, ``http``, ``validation``, ``rate-limit``,
            ``authentication``.
    """

    type: str = "error"
    retryable: bool = False
    category: ClassVar[str] = "http"

    def __init__(
        self,
        message: str,
        *,
        response_code: int | None = None,
        type: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        attempts: int = 1,
        errors: Sequence[Mapping[str, str]] = (),
        checks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.response_code = response_code
        self.type = type or self.type
        self.request_id = request_id
        self.retry_after = retry_after
        self.attempts = attempts
        self.errors = [dict(error) for error in errors]
        self.checks = {part: dict(finding) for part, finding in (checks or {}).items()}

    def as_dict(self) -> Failure:
        """The error as a plain answer: ``{"status": "error", "message", ...}``."""
        return Failure(self)

    def __str__(self) -> str:
        facts = [str(self.response_code)] if self.response_code else []
        facts.append(self.type)
        if self.request_id:
            facts.append(f"request {self.request_id}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        return f"{self.message} [{', '.join(facts)}]"

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process borders in a batch; __init__ takes keywords, pickle passes none.
        return _rebuilt, (type(self), self.message, self.__dict__)


def _rebuilt(cls: type[ResonanceError], message: str, state: dict[str, Any]) -> ResonanceError:
    error = cls.__new__(cls, message)  # a class of one's own may want more than that
    error.__dict__.update(state)
    return error


class Failure(dict[str, Any]):
    """The face of an error, as the client returns it; `.error` is the exception behind it.

    Taking from it by ``[]`` what only a success holds raises that exception, and so does asking for
    an attribute that only a success has, such as `.etag`. `.request_id` and `.attempts` it has.
    """

    def __init__(self, error: ResonanceError) -> None:
        super().__init__(
            status="error",
            message=error.message,
            response_code=error.response_code,
            type=error.type,
            request_id=error.request_id,
            retryable=error.retryable,
            retry_after=error.retry_after,
            attempts=error.attempts,
        )
        if error.checks:
            self["checks"] = error.checks
        self.error = error

    def __missing__(self, key: str) -> Any:
        # answer["article"] of a call that failed: the reason says more than a KeyError.
        raise self.error.with_traceback(None)  # or it would grow each time

    def __getattr__(self, name: str) -> Any:
        # An `.etag` of None would let `if_match=` protect nothing.
        if name in ("status_code", "headers", "elapsed", "etag", "replayed"):
            raise self.error.with_traceback(None)
        if name in ("request_id", "attempts"):
            return self[name]
        if name in ("server_time", "rate_limit"):
            return None
        raise AttributeError(f"a Failure has no attribute {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Failure, (self.error,)


# --- not sent ------------------------------------------------------------------------------------


class NotSentError(ResonanceError):
    """The request never reached the server, so nothing was done."""

    category = "network"


class ConnectionFailedError(NotSentError):
    """Nobody answers at that address: the server is down, or the port is another."""

    type = "connection-failed"
    retryable = True


class NameNotResolvedError(ConnectionFailedError):
    """The host has no address: a typing error, or no network."""

    type = "name-not-resolved"


class ProxyFailedError(ConnectionFailedError):
    """The proxy that the environment names could not be used."""

    type = "proxy-failed"


class ProxyRefusedError(ProxyFailedError):
    """The proxy wants a password (407), or lets nobody go there: it will not on another try."""

    type = "proxy-refused"
    retryable = False


class ConnectTimeoutError(NotSentError):
    """The time was up before there was a connection to send the request over."""

    type = "connect-timeout"
    retryable = True


class TLSError(NotSentError):
    """No secure connection could be agreed: most often a certificate that can't be trusted."""

    type = "tls-failed"


class InsecureTransportError(NotSentError, ValueError):
    """Credentials would have crossed the network unencrypted."""

    type = "insecure-transport"


class NotYetAllowedError(NotSentError):
    """The rate limit lets no request leave for longer than the call may wait."""

    type = "not-yet-allowed"
    category = "rate-limit"
    retryable = True


class TokenError(NotSentError):
    """There was no access token to send; the API was not asked, or refused the last one.

    Attributes:
        reason: What the authorization server said, as a word of RFC 6749 (``invalid_grant``), or
            None where it said nothing.
    """

    type = "no-token"
    category = "authentication"

    def __init__(
        self, message: str, *, reason: str | None = None, retryable: bool = False, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.reason = reason
        self.retryable = retryable


# --- outcome unknown -----------------------------------------------------------------------------


class OutcomeUnknownError(ResonanceError):
    """The request left, and what became of it is not known: the work may have been done."""

    type = "outcome-unknown"
    category = "network"
    retryable = True


class AttemptTimeoutError(OutcomeUnknownError):
    """The time was up before the whole answer had arrived."""

    type = "timeout"


class ConnectionLostError(OutcomeUnknownError):
    """The connection broke before the whole answer had arrived."""

    type = "connection-lost"


class BadResponseError(OutcomeUnknownError):
    """There was an answer, but not one that this API gives."""

    type = "bad-response"
    category = "http"
    retryable = False


class UnexpectedContentError(BadResponseError):
    """The answer is no JSON: a proxy's or a captive portal's page, or another server."""

    type = "unexpected-content"


class MalformedJSONError(BadResponseError):
    """The answer says that it is JSON, and is not, or only the half of it."""

    type = "malformed-json"
    retryable = True


class UnexpectedShapeError(BadResponseError):
    """The answer is JSON, but a field that the contract promises is missing or of another type."""

    type = "unexpected-shape"


class ResponseTooLargeError(BadResponseError):
    """The answer is larger than the client is willing to hold."""

    type = "response-too-large"


class UnexpectedRedirectError(BadResponseError):
    """The server points elsewhere; following would show the credentials to another server."""

    type = "unexpected-redirect"


# --- answered, with an error status --------------------------------------------------------------


class StatusError(ResonanceError):
    """The server answered with an error status that has no class of its own."""

    type = "http-error"
    status: ClassVar[int | None] = None
    # `builtins`, for in this class `type` is the name of the reason.
    _by_type: ClassVar[dict[str, builtins.type[StatusError]]] = {}
    _by_status: ClassVar[dict[int, builtins.type[StatusError]]] = {}

    def __init_subclass__(cls) -> None:
        # The first class of a status is its general one; the rest are found by their type.
        StatusError._by_type.setdefault(cls.type, cls)
        if cls.status is not None:
            StatusError._by_status.setdefault(cls.status, cls)

    @classmethod
    def for_problem(cls, status: int, slug: str | None) -> builtins.type[StatusError]:
        """The class for a status and a problem type: the type decides where it is known."""
        by_type = cls._by_type.get(slug or "")
        if by_type is not None and by_type.status == status:
            return by_type
        general = ClientError if status < 500 else ServerError
        return cls._by_status.get(status, general)


class ClientError(StatusError):
    """4xx without a class of its own: the request is at fault."""

    type = "client-error"


class ServerError(StatusError, OutcomeUnknownError):
    """5xx without a class of its own: the server is at fault, perhaps after doing the work."""

    type = "server-error"
    category = "http"
    retryable = False


class BadRequestError(ClientError):
    """The request could not be read."""

    type, status, category = "bad-request", 400, "validation"


class AuthenticationError(ClientError):
    """The credential is missing, wrong or expired."""

    type, status, category = "invalid-credentials", 401, "authentication"


class MissingCredentialsError(AuthenticationError):
    """This server, or this tenant, does not answer strangers."""

    type = "missing-credentials"


class NotAllowedError(ClientError):
    """The credential is good, but not for this."""

    type, status, category = "forbidden", 403, "authentication"


class InsufficientScopeError(NotAllowedError):
    """The credential lacks a scope that this operation needs."""

    type = "insufficient-scope"


class TenantNotAllowedError(NotAllowedError):
    """This operation is not open to this tenant."""

    type = "tenant-not-allowed"


class NotFoundError(ClientError):
    """There is no such thing, or it belongs to another tenant."""

    type, status = "not-found", 404


class UnknownTenantError(NotFoundError):
    """No such tenant for this caller."""

    type = "unknown-tenant"


class UnknownProfileError(NotFoundError):
    """No such profile for this caller."""

    type = "unknown-profile"


class UnknownApiKeyError(NotFoundError):
    """No such API key for this caller, or it was revoked."""

    type = "unknown-api-key"


class UnknownWebhookError(NotFoundError):
    """No such webhook for this caller, or it was deleted."""

    type = "unknown-webhook"


class UnknownDeliveryError(NotFoundError):
    """This webhook has no such delivery (any more)."""

    type = "unknown-delivery"


class RequestTimeoutError(ClientError):
    """The server gave up waiting for the request."""

    type, status, category, retryable = "request-timeout", 408, "network", True


class ConflictError(ClientError):
    """The request contradicts what is there already."""

    type, status = "conflict", 409


class ProfileExistsError(ConflictError):
    """A profile of that name is there already."""

    type = "profile-exists"


class TenantExistsError(ConflictError):
    """A tenant of that name is there already."""

    type = "tenant-exists"


class ProfileLimitError(ConflictError):
    """The tenant has as many profiles as it may."""

    type = "profile-limit"


class ApiKeyLimitError(ConflictError):
    """The tenant has as many API keys as it may."""

    type = "api-key-limit"


class WebhookLimitError(ConflictError):
    """The tenant has as many webhooks as it may."""

    type = "webhook-limit"


class WebhookDisabledError(ConflictError):
    """The webhook is disabled, so nothing is sent; enable it first."""

    type = "webhook-disabled"


class IdempotencyInProgressError(ConflictError):
    """The first request under this idempotency key still runs."""

    type, retryable = "idempotency-in-progress", True


class PreconditionFailedError(ClientError):
    """Someone else changed it since it was read."""

    type, status = "precondition-failed", 412


class BodyTooLargeError(ClientError):
    """The request is larger than the server takes."""

    type, status, category = "body-too-large", 413, "validation"


class ValidationError(ClientError):
    """A field is invalid; `errors` names it."""

    type, status, category = "validation-failed", 422, "validation"


class IdempotencyKeyReusedError(ValidationError):
    """The idempotency key was used before, with another payload."""

    type = "idempotency-key-reused"


class TooEarlyError(ClientError):
    """A gateway would not hand the request on before its connection was confirmed (RFC 8470)."""

    type, status, category, retryable = "too-early", 425, "network", True


class RateLimitedError(ClientError):
    """Too many requests at once; `retry_after` says when to come back."""

    type, status, category, retryable = "rate-limited", 429, "rate-limit", True


class QuotaExceededError(RateLimitedError):
    """The day's quota is spent."""

    type = "quota-exceeded"


class InternalServerError(ServerError):
    """The server failed in a way it did not foresee."""

    type, status = "internal-error", 500


class BadGatewayError(ServerError):
    """A gateway got no sense out of the server."""

    type, status, retryable = "bad-gateway", 502, True


class UnavailableError(StatusError):
    """The server can't take the request now."""

    type, status, retryable = "unavailable", 503, True


class OverloadedError(UnavailableError):
    """The server has more work than it can do."""

    type = "overloaded"


class WriterUnavailableError(UnavailableError):
    """The engine that writes the articles does not answer."""

    type = "writer-unavailable"


class GatewayTimeoutError(ServerError):
    """A gateway gave up waiting for the server."""

    type, status, retryable = "gateway-timeout", 504, True
