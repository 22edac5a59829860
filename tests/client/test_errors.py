"""The errors: one class for each reason, told apart, and fit to travel."""

from __future__ import annotations

import copy
import pickle

import pytest

from resonance_helpers.client import errors
from resonance_helpers.client.errors import (
    NotSentError,
    OutcomeUnknownError,
    ResonanceError,
    StatusError,
    UnknownProfileError,
)
from resonance_helpers.client.transport import Answer

CONCRETE = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, ResonanceError)
]
CONTRACT = {
    "invalid-credentials": 401,
    "missing-credentials": 401,
    "insufficient-scope": 403,
    "tenant-not-allowed": 403,
    "unknown-tenant": 404,
    "unknown-profile": 404,
    "not-found": 404,
    "profile-exists": 409,
    "tenant-exists": 409,
    "profile-limit": 409,
    "idempotency-in-progress": 409,
    "precondition-failed": 412,
    "body-too-large": 413,
    "validation-failed": 422,
    "idempotency-key-reused": 422,
    "rate-limited": 429,
    "quota-exceeded": 429,
    "internal-error": 500,
    "overloaded": 503,
    "writer-unavailable": 503,
}


@pytest.mark.parametrize("cls", CONCRETE)
def test_each_class_says_why_it_is_there_and_has_a_type_of_its_own(
    cls: type[ResonanceError],
) -> None:
    assert (cls.__doc__ or "").strip()
    if cls not in (ResonanceError, NotSentError):
        assert [other for other in CONCRETE if other.type == cls.type] == [cls]
    assert cls.category in ("network", "http", "validation", "rate-limit", "authentication")


@pytest.mark.parametrize(("slug", "status"), CONTRACT.items())
def test_each_reason_of_the_contract_has_its_class(slug: str, status: int) -> None:
    cls = StatusError.for_problem(status, slug)
    assert (cls.type, cls.status) == (slug, status)


@pytest.mark.parametrize(
    ("status", "slug", "cls"),
    [
        (404, None, errors.NotFoundError),
        (404, "no-such-slug", errors.NotFoundError),
        (404, "overloaded", errors.NotFoundError),  # a type that contradicts the status
        (418, "teapot", errors.ClientError),
        (507, None, errors.ServerError),
        (503, "faulted", errors.UnavailableError),
        (422, "faulted", errors.ValidationError),
    ],
)
def test_an_unknown_reason_gets_the_class_of_its_status(
    status: int, slug: str | None, cls: type[StatusError]
) -> None:
    assert StatusError.for_problem(status, slug) is cls


def test_not_sent_and_outcome_unknown_exclude_each_other() -> None:
    for cls in CONCRETE:
        assert not (issubclass(cls, NotSentError) and issubclass(cls, OutcomeUnknownError))
    assert issubclass(errors.GatewayTimeoutError, OutcomeUnknownError)
    assert not issubclass(errors.UnavailableError, OutcomeUnknownError)
    assert not issubclass(errors.ClientError, OutcomeUnknownError)


@pytest.mark.parametrize("cls", CONCRETE)
def test_an_error_and_its_face_survive_a_pickle(cls: type[ResonanceError]) -> None:
    error = cls(
        "Something.",
        response_code=418,
        type="teapot",
        request_id="req_1",
        retry_after=2.5,
        attempts=3,
        errors=[{"field": "a", "message": "b"}],
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == str(error) == "Something. [418, teapot, request req_1, 3 attempts]"
    assert again.as_dict() == error.as_dict()
    assert again.errors == error.errors
    face = pickle.loads(pickle.dumps(error.as_dict()))
    assert face == error.as_dict()
    assert type(face.error) is cls


def test_an_unhealthy_servers_findings_are_in_the_face_and_nobody_elses() -> None:
    checks = {"database": {"status": "failing", "latency_ms": 0.1}}
    error = errors.UnavailableError("Out of order.", checks=checks)
    assert error.as_dict()["checks"] == checks
    assert pickle.loads(pickle.dumps(error)).as_dict() == error.as_dict()
    assert "checks" not in errors.UnavailableError("Out of order.").as_dict()


def test_a_face_leads_to_its_error() -> None:
    error = errors.RateLimitedError("Slow down.", retry_after=3)
    assert error.as_dict().error is error
    assert error.as_dict()["retryable"] is True


def test_a_failure_has_what_an_answer_has_as_far_as_there_was_one() -> None:
    failure = UnknownProfileError(
        "No such.", response_code=404, request_id="r", attempts=2
    ).as_dict()
    assert (failure.request_id, failure.attempts) == ("r", 2)
    assert (failure.rate_limit, failure.server_time) == (None, None)
    own = {name for name in vars(Answer) if name[0] != "_"}
    for name in own - {"request_id", "attempts", "rate_limit", "server_time"}:
        # An `.etag` of None would let an update overwrite whatever is there.
        with pytest.raises(UnknownProfileError, match=r"No such\."):
            getattr(failure, name)
    assert not hasattr(failure, "nothing")
    assert copy.deepcopy(failure) == pickle.loads(pickle.dumps(failure)) == failure


class MoreThanAMessage(errors.NotFoundError):
    def __init__(self, message: str, where: str) -> None:
        super().__init__(message)
        self.where = where


def test_a_class_of_ones_own_crosses_processes_too() -> None:
    error = pickle.loads(pickle.dumps(MoreThanAMessage("Gone.", "here")))
    assert (type(error), error.where, str(error)) == (MoreThanAMessage, "here", "Gone. [not-found]")
    assert error.args == ("Gone.",)
