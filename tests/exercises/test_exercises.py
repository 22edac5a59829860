"""Each check against a blank, its solution, and the answers that people get wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from resonance_helpers.auth import read_jwt
from resonance_helpers.exercises import Exercise, check
from resonance_helpers.lessons import LESSONS, NOTEBOOKS
from resonance_helpers.tutorial import LessonClient
from resonance_helpers.webhooks import WebhookVerificationError, verify
from tests.exercises.conftest import SECRET, administrator

TOPICS = ("health", "generation", "profiles", "errors", "auth", "webhooks")

EXERCISES = [
    getattr(getattr(check, topic), name)
    for topic in TOPICS
    for name in sorted(vars(getattr(check, topic)))
    if isinstance(getattr(getattr(check, topic), name), Exercise)
]


@pytest.fixture(params=EXERCISES, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    found: Exercise = request.param
    return found


def test_a_blank_is_not_attempted(exercise: Exercise, api: LessonClient) -> None:
    assert exercise(...).word == "Not attempted"


def test_the_solution_is_correct(exercise: Exercise, names: dict[str, Any]) -> None:
    exec(exercise.solution, names)
    outcome = exercise(names["answer"])
    assert outcome.correct, outcome


def test_hints_never_are_the_solution(exercise: Exercise) -> None:
    assert 2 <= len(exercise.hints) <= 4
    assert not any(exercise.solution in hint for hint in exercise.hints)


@pytest.mark.parametrize("odd", [None, 0, "", [], {}, (), object(), float("nan"), b"x", range])
def test_any_answer_gets_a_sentence(exercise: Exercise, api: LessonClient, odd: Any) -> None:
    outcome = exercise(odd)
    assert outcome.word == "Not yet"
    assert outcome.message.endswith((".", "?"))


def test_the_lesson_shows_exactly_this_solution(exercise: Exercise) -> None:
    topic = exercise.name.partition(".")[0]
    (lesson,) = (lesson for lesson in LESSONS if lesson.topic == topic)
    cells = nbformat.read(NOTEBOOKS / lesson.filename, as_version=4).cells
    place = next(i for i, c in enumerate(cells) if f"check.{exercise.name}(answer)" in c.source)
    assert cells[place].source.startswith("answer = ...")
    shown = re.search(r"<details>.*```python\n(.*?)\n```", cells[place + 1].source, re.DOTALL)
    assert shown is not None
    assert shown[1] == exercise.solution


Make = Callable[[LessonClient], Any]


def generated(**parameters: Any) -> Make:
    return lambda api: api.generate_content("Electric bicycles", **parameters)


def twice(first: Make, second: Make | None = None) -> Make:
    def make(api: LessonClient) -> Any:
        one = first(api)
        return one, one if second is None else second(api)

    return make


def created(name: str, vector: list[float], tenant: str = "demo_tenant") -> Make:
    return lambda api: api.create_profile(tenant, name, vector)


def created_twice(api: LessonClient) -> Any:
    created("campfire", STORY)(api)
    return created("campfire", STORY)(api)


def created_and_deleted(api: LessonClient) -> Any:
    answer = created("campfire", STORY)(api)
    api.delete_profile("demo_tenant", "campfire")
    return answer


def same(value: Any) -> Make:
    return lambda api: value


def no_checks(health: dict[str, Any]) -> bool:
    return bool(health["checks"]["writer"]["status"] == "ok")


def only_healthy(health: dict[str, Any]) -> bool:
    return bool(health["status"] == "healthy")


def by_state(health: dict[str, Any]) -> bool:
    return health["status"] in ("healthy", "degraded")


def forever(ask: Callable[[], dict[str, Any]], tries: int) -> bool:
    while True:
        try:
            if ask()["status"] == "healthy":
                return True
        except Exception:
            pass


def once(ask: Callable[[], dict[str, Any]], tries: int) -> bool:
    return bool(ask()["status"] == "healthy")


def one_too_many(ask: Callable[[], dict[str, Any]], tries: int) -> bool:
    return any(ask()["status"] == "healthy" for _ in range(tries + 1))


def all_tries(ask: Callable[[], dict[str, Any]], tries: int) -> bool:
    return "healthy" in [ask()["status"] for _ in range(tries)]


def exp_of(token: str) -> int:
    return int(read_jwt(token)[1]["exp"])


def life_of(token: str) -> int:
    return exp_of(token) - int(read_jwt(token)[1]["iat"])


def key_of(
    *scopes: str, tenant: str = "acme_corp", expires_in: int | None = 3600, revoke: bool = False
) -> Make:
    def make(api: LessonClient) -> Any:
        admin = administrator(api)
        made = admin.create_api_key(scopes, tenant, expires_in=expires_in)
        if revoke:
            admin.delete_api_key(made["id"])
        return made

    return make


def by_code(failure: dict[str, Any], wrong: dict[int, str]) -> str:
    right = {401: "renew", 403: "ask", 429: "wait"}
    return {**right, **wrong}.get(failure["response_code"], "stop")


def subscribed(
    events: list[str], tenant: str | None = "demo_tenant", *, known: bool = True, **changed: Any
) -> Make:
    def make(api: LessonClient) -> Any:
        hook = {"secret": SECRET} if known else {}
        made = api.create_webhook(api.receiver.url, events, tenant, **hook)
        return {**made, **changed}

    return make


def unverified(body: bytes, headers: dict[str, str], secret: Any) -> int:
    return 200 if "webhook-signature" in headers and body.startswith(b"{") else 400


def for_ever(body: bytes, headers: dict[str, str], secret: Any) -> int:
    verify(body, headers, secret, tolerance=1e9)
    return 200


def patient(body: bytes, headers: dict[str, str], secret: Any) -> int:
    try:
        return for_ever(body, headers, secret)
    except WebhookVerificationError:
        return 400


def counted(event: Any, lengths: dict[Any, Any]) -> None:
    lengths["all"] = lengths.get("all", 0) + event.data["content_length"]


def by_length(event: Any, lengths: dict[Any, Any]) -> None:
    lengths[event.data["content_length"]] = event.data["content_length"]


def by_text(event: Any, lengths: dict[Any, Any]) -> None:
    lengths[event.id] = event.data["article"]


STORY = [0.7, 0.4, 0.6, 0.5, 0.8, 0.6, 0.9, 0.8]
FLAT = [0.5] * 8

WRONG: list[tuple[str, str, Make, str]] = [
    ("health.parts", "keys of the answer", lambda api: sorted(api.health_check()), "parts of the"),
    ("health.parts", "one forgotten", same(["database", "writer"]), "2 of 3 components"),
    ("health.parts", "one name alone", same("writer"), "1 of 3 components"),
    (
        "health.parts",
        "one invented",
        same(["database", "writer", "disk", "printer"]),
        "no component",
    ),
    ("health.guard", "no function", same(True), "should be a function; it is a bool"),
    (
        "health.guard",
        "fails on errors",
        same(no_checks),
        "unhealthy server your function says go on",
    ),
    ("health.guard", "too strict", same(only_healthy), "disk fails but whose writer is ok"),
    ("health.guard", "too lax", same(by_state), "writer fails your function says go on"),
    ("health.guard", "returns a text", same(lambda health: health["status"]), "not True or False"),
    ("health.wait", "never gives up", same(forever), "never gives up"),
    ("health.wait", "asks once", same(once), "returned False"),
    ("health.wait", "one look too many", same(one_too_many), "asked 5 times, not 4"),
    ("health.wait", "goes on after success", same(all_tries), "asked 3 times, not 1"),
    ("health.wait", "wrong arguments", same(lambda ask: True), "raised TypeError"),
    ("generation.short", "default shape", generated(), "3 paragraphs, not 2"),
    (
        "generation.short",
        "too long",
        lambda api: {**generated(paragraphs=2)(api), "content_length": 601},
        "600 is the most",
    ),
    ("generation.short", "misspelt", generated(paragraph=2), "The server warns"),
    ("generation.short", "refused", generated(paragraphs=99), "The server refused"),
    ("generation.short", "the text alone", same("A text."), "of type str"),
    (
        "generation.furthest",
        "the nearest",
        lambda api: min(gaps := gaps_of(api), key=gaps.__getitem__),
        "misses its target by",
    ),
    ("generation.furthest", "a spaced name", same("curiosity index"), "name of a dimension"),
    ("generation.furthest", "a number", same(0.3), "name of a dimension"),
    ("generation.again", "one answer twice", twice(generated(seed=1)), "come from one request"),
    (
        "generation.again",
        "two prompts",
        twice(generated(seed=1), lambda api: api.generate_content("Tides", seed=1)),
        "articles differ",
    ),
    ("generation.again", "one alone", generated(seed=1), "should be a pair"),
    (
        "generation.again",
        "one failed",
        twice(generated(), generated(paragraphs=99)),
        "The server refused",
    ),
    ("profiles.choose", "another profile", same("technical_academic"), "aims higher"),
    ("profiles.choose", "no such profile", same("storytelling"), "profile_name of one"),
    ("profiles.choose", "its number", same(0.9), "profile_name of one"),
    ("profiles.create", "another name", created("camp_fire", STORY), "should be called campfire"),
    (
        "profiles.create",
        "another tenant",
        created("campfire", STORY, "default"),
        "belong to demo_tenant",
    ),
    ("profiles.create", "a flat vector", created("campfire", FLAT), "storytelling_index is 0.5"),
    ("profiles.create", "a bad vector", created("campfire", FLAT[1:]), "The server refused"),
    ("profiles.create", "a second time", created_twice, "409: there is a campfire already"),
    ("profiles.create", "not there", created_and_deleted, "no such profile"),
    ("profiles.create", "the vector alone", same(STORY), "of type list"),
    ("profiles.isolation", "forbidden", same(403), "would tell a stranger"),
    ("profiles.isolation", "unauthorised", same(401), "would tell a stranger"),
    ("profiles.isolation", "fine", same(200), "hand over the profiles"),
    ("profiles.isolation", "a word", same("not found"), "should be an HTTP status code"),
    ("auth.left", "no function", same(850), "should be a function"),
    ("auth.left", "the whole life", same(lambda t, now: life_of(t)), "in all"),
    ("auth.left", "the wrong sign", same(lambda t, now: now - exp_of(t)), "wrong sign"),
    ("auth.left", "the moment", same(lambda t, now: exp_of(t)), "issued at 1800000000"),
    ("auth.left", "never below", same(lambda t, now: max(0, exp_of(t) - now)), "a negative number"),
    ("auth.left", "a text", same(lambda t, now: "soon"), "not a number"),
    ("auth.least", "all scopes", key_of("profiles:read", "generate"), "it has generate, too"),
    ("auth.least", "another scope", key_of("generate"), "can't read the profiles"),
    ("auth.least", "another tenant", key_of("profiles:read", tenant="globex"), "another tenant"),
    ("auth.least", "no end", key_of("profiles:read", expires_in=None), "never expires"),
    ("auth.least", "no such scope", key_of("profiles"), "The server refused"),
    ("auth.least", "a revoked one", key_of("profiles:read", revoke=True), "Make a new one"),
    ("auth.least", "the key alone", same("ros_sandbox_1"), "create_api_key() returned"),
    ("auth.react", "always renew", same(lambda failure: "renew"), "For a 403"),
    ("auth.react", "renew a 403", same(lambda f: by_code(f, {403: "renew"})), "allowed no more"),
    ("auth.react", "stop at 429", same(lambda f: by_code(f, {429: "stop"})), "works later"),
    ("auth.react", "wait at 500", same(lambda f: by_code(f, {500: "wait"})), "no waiting changes"),
    ("auth.react", "the code", same(lambda f: f["response_code"]), "should be one of renew"),
    ("webhooks.guard", "no function", same(200), "should be a function"),
    ("webhooks.guard", "unverified", same(unverified), "body was changed your function says 200"),
    ("webhooks.guard", "raises", same(for_ever), "raised WebhookVerificationError"),
    ("webhooks.guard", "takes what is old", same(patient), "of ten minutes ago"),
    ("webhooks.guard", "refuses all", same(lambda *delivery: 400), "would send it for ever"),
    ("webhooks.guard", "True", same(lambda *delivery: "ok"), "return 200 or 400"),
    ("webhooks.subscribe", "the url", same("http://127.0.0.1"), "create_webhook() returned"),
    ("webhooks.subscribe", "another tenant", subscribed(["profile.created"], None), "hear of def"),
    (
        "webhooks.subscribe",
        "more events",
        subscribed(["profile.created", "generation.completed"]),
        "not of new profiles alone",
    ),
    (
        "webhooks.subscribe",
        "another secret",
        subscribed(["profile.created"], known=False),
        "a secret that the receiver does not know",
    ),
    ("webhooks.subscribe", "refused", subscribed(["profiles"]), "The server refused"),
    ("webhooks.subscribe", "gone", subscribed(["profile.created"], id="wh_0"), "no such webhook"),
    ("webhooks.once", "no function", same({}), "should be a function"),
    ("webhooks.once", "counted", same(counted), "A duplicate was counted"),
    ("webhooks.once", "by length", same(by_length), "equal in all but their id"),
    ("webhooks.once", "nothing", same(lambda event, lengths: None), "still empty"),
    ("webhooks.once", "the text", same(by_text), "should be numbers"),
    ("errors.category", "another", same("validation"), "not what the error"),
    ("errors.category", "its type", same("unknown-profile"), "should be one of these texts"),
    ("errors.category", "the code", same(404), "should be one of these texts"),
    ("errors.again", "no function", same("never"), "should be a function"),
    ("errors.again", "always", same(lambda error: True), "the work may have been done"),
    ("errors.again", "never", same(lambda error: False), "ConnectionFailedError your function"),
    ("errors.again", "retryable alone", same(lambda e: e.retryable), "AttemptTimeoutError"),
    ("errors.again", "by status", same(lambda e: (e.response_code or 0) < 500), "UnavailableErr"),
    ("errors.key", "no key", twice(generated(), generated()), "did the work a second time"),
    ("errors.key", "one answer twice", twice(generated()), "one and the same"),
    ("errors.key", "one alone", generated(), "should be a pair"),
    (
        "errors.key",
        "another prompt under one key",
        twice(
            generated(idempotency_key="k"),
            lambda api: api.generate_content("Tides", idempotency_key="k"),
        ),
        "Take a new one",
    ),
]


def gaps_of(api: LessonClient) -> dict[str, float]:
    from resonance_helpers import HRVVector
    from resonance_helpers.exercises.generation import ARTICLE

    article = api.generate_content(**ARTICLE)
    return HRVVector(article["hrv_vector"]).gaps(article["target_hrv"])


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [pytest.param(name, make, message, id=f"{name}-{what}") for name, what, make, message in WRONG],
)
def test_a_wrong_answer_gets_its_own_help(
    api: LessonClient, name: str, make: Make, message: str
) -> None:
    topic, _, exercise = name.partition(".")
    outcome = getattr(getattr(check, topic), exercise)(make(api))
    assert outcome.word == "Not yet"
    assert message in outcome.message


def test_every_exercise_is_tried_with_two_wrong_answers_or_more() -> None:
    tried = [name for name, *_ in WRONG]
    assert {e.name for e in EXERCISES} == set(tried)
    assert all(tried.count(e.name) >= 2 for e in EXERCISES)


def test_a_server_that_fails_in_the_middle_is_no_fault_of_the_learner(api: LessonClient) -> None:
    assert api.sandbox is not None
    api.sandbox.outage("database")
    outcome = check.profiles.choose("creative_storytelling")
    assert outcome.word == "Set-up broken"
