"""The client against the sandbox: every call of the seed's page in its own form, then the rest."""

from __future__ import annotations

import inspect
import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
from requests.auth import AuthBase

import resonance_helpers
import resonance_sandbox as sandbox
from resonance_helpers import (
    ApiKeyAuth,
    AuthenticatedAPIClient,
    HRVVector,
    ResonanceOSAPIClient,
    RetryPolicy,
)
from resonance_helpers.client import errors
from resonance_helpers.client.transport import Answer
from tests.support.raw_server import raw_server, replies

VECTOR = [0.5, 0.1, 0.5, 0.5, 0.5, 0.2, 0.4, 0.7]


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with sandbox.start(burst=10_000, rate_limit=1_000_000) as running:
        yield running


@pytest.fixture
def client(server: Any) -> Iterator[ResonanceOSAPIClient]:
    with ResonanceOSAPIClient(server.url) as api:
        yield api


def test_an_unhealthy_server_says_which_part_fails(
    server: Any, client: ResonanceOSAPIClient
) -> None:
    server.outage("database")
    try:
        answer = client.health_check()
    finally:
        server.outage()
    assert (answer["status"], answer["response_code"]) == ("error", 503)
    states = {part: finding["status"] for part, finding in answer["checks"].items()}
    assert states == {"database": "failing", "writer": "ok", "disk": "ok"}


# --- the seed's page -----------------------------------------------------------------------------


def test_the_signatures_are_the_seeds() -> None:
    def parameters(method: Any) -> list[str]:
        return [
            name
            for name, parameter in inspect.signature(method).parameters.items()
            if parameter.kind is not parameter.KEYWORD_ONLY and name != "call"
        ]

    assert parameters(ResonanceOSAPIClient) == ["base_url", "timeout"]
    defaults = inspect.signature(ResonanceOSAPIClient).parameters
    assert defaults["base_url"].default == "http://localhost:8000"
    assert defaults["timeout"].default == 30
    assert parameters(ResonanceOSAPIClient.health_check) == ["self"]
    assert parameters(ResonanceOSAPIClient.generate_content) == [
        *["self", "prompt", "tenant", "profile_name", "kwargs"]
    ]
    assert parameters(ResonanceOSAPIClient.get_profiles) == ["self", "tenant"]
    assert parameters(ResonanceOSAPIClient.create_profile) == [
        *["self", "tenant", "profile_name", "hrv_vector", "metadata"]
    ]
    assert parameters(ResonanceOSAPIClient.get_system_metrics) == ["self"]


def test_basic_api_example(client: ResonanceOSAPIClient) -> None:
    health = client.health_check()
    assert health.get("status") == "healthy"
    prompts = [
        "The future of artificial intelligence",
        "Sustainable technology solutions",
        "Digital transformation strategies",
    ]
    for prompt in prompts:
        result = client.generate_content(prompt)
        assert result.get("status") != "error"
        assert len(result.get("article", "")) > 100
        assert 0 <= result.get("hrv_feedback", "N/A") <= 1


def test_advanced_api_example(client: ResonanceOSAPIClient) -> None:
    test_prompt = "The importance of innovation in business"
    for profile in ["neutral_professional", "creative_storytelling", "marketing_enthusiastic"]:
        result = client.generate_content(prompt=test_prompt, profile_name=profile)
        assert result.get("status") != "error"
        assert f"{result.get('hrv_feedback', 'N/A'):.3f}"
        assert result["profile_name"] == profile
    tenant_result = client.generate_content(
        prompt="Company quarterly report",
        tenant="demo_tenant",
        profile_name="professional_business",
    )
    assert tenant_result["tenant"] == "demo_tenant"


def test_batch_api_requests(client: ResonanceOSAPIClient) -> None:
    batch_requests = [
        {"prompt": "Introduction to machine learning", "profile_name": "technical_academic"},
        {"prompt": "Marketing strategy for startups", "profile_name": "marketing_enthusiastic"},
        {"prompt": "Creative writing tips", "profile_name": "creative_storytelling"},
        {"prompt": "Business report summary", "profile_name": "professional_business"},
        {"prompt": "Social media content", "profile_name": "marketing_enthusiastic"},
    ]
    results = [client.generate_content(**request) for request in batch_requests]
    assert sum(result.get("status") != "error" for result in results) == 5


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that never answers: the sandbox may, within a millisecond."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("Invalid URL", "name-not-resolved", None),
        ("Timeout", ("timeout", "connect-timeout"), None),
        ("Invalid Profile", "unknown-profile", 404),
        ("Empty Prompt", "validation-failed", 422),
        ("Very Long Prompt", "validation-failed", 422),
    ],
)
def test_error_handling_example(
    client: ResonanceOSAPIClient, silent: str, name: str, kind: Any, code: int | None
) -> None:
    tests = {
        "Invalid URL": lambda: ResonanceOSAPIClient("http://invalid-url:8000").health_check(),
        "Timeout": lambda: ResonanceOSAPIClient(silent, timeout=0.001).generate_content("test"),
        "Invalid Profile": lambda: client.generate_content("test", profile_name="invalid_profile"),
        "Empty Prompt": lambda: client.generate_content(""),
        "Very Long Prompt": lambda: client.generate_content("x" * 10000),
    }
    result = tests[name]()
    assert result.get("status") == "error"
    assert result["message"]
    assert result["response_code"] == code
    assert result["type"] in kind if isinstance(kind, tuple) else result["type"] == kind
    assert set(result) == {
        *["status", "message", "response_code", "type"],
        *["request_id", "retryable", "retry_after", "attempts"],
    }


def test_performance_monitoring_example(client: ResonanceOSAPIClient) -> None:
    start_time = time.time()
    result = client.generate_content("Short prompt")
    response_time = time.time() - start_time
    assert len(result.get("article", "")) / response_time > 0
    assert 0 < result.server_time <= result.elapsed <= response_time  # type: ignore[attr-defined]


def test_authentication_example(server: Any) -> None:
    key = server.credentials["acme_corp"]["api_key"]
    client = AuthenticatedAPIClient(server.url, key)
    assert client.generate_content("A prompt")["tenant"] == "acme_corp"
    wrong = AuthenticatedAPIClient(server.url, "your-api-key").get_profiles()
    assert (wrong["response_code"], wrong["type"]) == (401, "invalid-credentials")
    assert AuthenticatedAPIClient(server.url).health_check()["status"] == "healthy"


def test_the_seeds_own_way_to_authenticate_works(server: Any) -> None:
    key = server.credentials["globex"]["api_key"]
    client = ResonanceOSAPIClient(server.url)
    client.get_profiles()
    client.session.headers.update({"Authorization": "Bearer " + key})
    assert client.get_profiles("globex")["profiles"]


# --- the rest of the contract --------------------------------------------------------------------


def test_a_profile_lives(client: ResonanceOSAPIClient) -> None:
    created = client.create_profile("demo_tenant", "a_life", VECTOR, {"team": "web"})
    assert isinstance(created, Answer)
    assert created.status_code == 201
    assert created["hrv_vector"] == VECTOR
    got = client.get_profile("demo_tenant", "a_life")
    assert isinstance(got, Answer)
    assert got["metadata"] == {"team": "web"}
    changed = client.update_profile(
        "demo_tenant", "a_life", HRVVector(np.full(8, 0.25)), if_match=got.etag
    )
    assert changed["hrv_vector"] == [0.25] * 8
    lost = client.update_profile("demo_tenant", "a_life", VECTOR, if_match=got.etag)
    assert lost["type"] == "precondition-failed"
    assert client.create_profile("demo_tenant", "a_life", VECTOR)["type"] == "profile-exists"
    assert client.delete_profile("demo_tenant", "a_life") == {}
    assert client.get_profile("demo_tenant", "a_life")["type"] == "unknown-profile"


@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int8"])
def test_a_vector_of_numpys_numbers_is_as_pythons(client: ResonanceOSAPIClient, kind: str) -> None:
    """Compared before it is converted, one of few digits warns of an overflow."""
    numpy = pytest.importorskip("numpy")
    vector = numpy.full(8, 1, dtype=kind)
    made = client.create_profile("demo_tenant", f"numpy-{kind}", vector)
    assert made["hrv_vector"] == [1.0] * 8


def test_pages_are_turned(client: ResonanceOSAPIClient) -> None:
    everything = client.get_profiles("demo_tenant", limit=100)
    names = [profile["profile_name"] for profile in everything["profiles"]]
    assert len(names) >= 7
    first = client.get_profiles("demo_tenant", limit=3)
    assert len(first["profiles"]) == 3
    second = client.get_profiles("demo_tenant", limit=3, cursor=first["next_cursor"])
    assert [p["profile_name"] for p in second["profiles"]] == names[3:6]
    assert [p["profile_name"] for p in client.iter_profiles("demo_tenant", limit=2)] == names
    with pytest.raises(errors.NotFoundError):
        list(client.iter_profiles("no_such_tenant"))


def test_a_failure_keeps_nothing_alive_but_itself() -> None:
    failure = ResonanceOSAPIClient("http://127.0.0.1:1", retry=None).generate_content("x")
    assert failure.error.__traceback__ is None
    lengths = set()
    for _ in range(3):
        with pytest.raises(errors.ConnectionFailedError) as raised:
            failure["article"]
        lengths.add(len(raised.traceback))
    assert len(lengths) == 1


def test_a_page_that_leads_to_itself_is_an_error() -> None:
    with raw_server(replies({"profiles": [{}], "next_cursor": "here"})) as server:
        profiles = ResonanceOSAPIClient(server.url).iter_profiles()
        assert [next(profiles), next(profiles)] == [{}, {}]
        with pytest.raises(errors.UnexpectedShapeError, match="in a circle"):
            next(profiles)


def test_tenants_texts_and_metrics(client: ResonanceOSAPIClient, server: Any) -> None:
    assert {"default", "demo_tenant"} <= {t["tenant"] for t in client.get_tenants()["tenants"]}
    assert len(client.measure_text("We did it. Did you?")["hrv_vector"]) == 8
    assert client.get_system_metrics()["requests"]
    text = client.get_prometheus_metrics()
    assert "# TYPE " in text["text"]
    admin = ResonanceOSAPIClient(
        server.url, auth=ApiKeyAuth(server.credentials["admin"]["api_key"])
    )
    assert admin.create_tenant("initech")["tenant"] == "initech"
    assert admin.create_tenant("initech")["type"] == "tenant-exists"
    assert client.create_tenant("mine")["response_code"] in (401, 403)


def test_the_same_key_brings_the_same_article(client: ResonanceOSAPIClient) -> None:
    first = client.generate_content("A prompt", idempotency_key="key-1")
    again = client.generate_content("A prompt", idempotency_key="key-1")
    assert isinstance(again, Answer)
    assert again == first
    assert again.replayed
    other = client.generate_content("Another prompt", idempotency_key="key-1")
    assert other["type"] == "idempotency-key-reused"


def test_the_server_takes_the_keys_that_the_client_takes(
    client: ResonanceOSAPIClient, server: Any
) -> None:
    keys = [f"a{chr(code)}b" for code in (*range(0x20, 0x7F), *range(0xA1, 0x100, 8))]
    with requests.Session() as session:
        for key in (*keys, "k", "k" * 255, "k" * 256):
            headers = {"Idempotency-Key": key.encode("latin-1")}
            asked = {"prompt": "x", "tenant": "nobody"}
            answer = session.post(f"{server.url}/hr_generate", json=asked, headers=headers)
            try:
                client.prepare_generation("x", idempotency_key=key)
            except ValueError:
                assert answer.status_code == 422, key
            else:
                assert answer.status_code == 404, key


def test_a_call_may_be_prepared_and_made_later(client: ResonanceOSAPIClient) -> None:
    call = client.prepare_generation("A prompt", profile_name="tech_startup")
    assert call.idempotency_key
    assert call.run()["profile_name"] == "tech_startup"
    assert client.rate_limit is not None
    assert client.rate_limit.remaining > 0


# --- two ways to fail ----------------------------------------------------------------------------


def test_on_error_raise(server: Any) -> None:
    client = ResonanceOSAPIClient(server.url, on_error="raise")
    with pytest.raises(errors.UnknownProfileError) as raised:
        client.generate_content("test", profile_name="invalid_profile")
    assert raised.value.request_id
    assert raised.value.request_id in str(raised.value)
    assert client.with_options(on_error="return").generate_content("")["status"] == "error"
    assert client.on_error == "raise"


@pytest.mark.parametrize("mode", ["return", "raise"])
@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (lambda c: c.generate_content(None), TypeError, "prompt is a NoneType, not a string"),
        (lambda c: c.generate_content("x", 7), TypeError, "tenant is a int"),
        (lambda c: c.generate_content("x", profile_name=[]), TypeError, "profile_name is a list"),
        (lambda c: c.generate_content("x", temperature=math.nan), ValueError, "`temperature`"),
        (lambda c: c.generate_content("x", seed={1}), TypeError, "`seed` can't be sent"),
        (lambda c: c.generate_content(), TypeError, "prompt"),
        (lambda c: c.create_profile("t", "p", "text"), TypeError, "hrv_vector is a str"),
        (lambda c: c.create_profile("t", "p", 7), TypeError, "hrv_vector is a int"),
        (lambda c: c.create_profile("t", "p", ["a"]), TypeError, r"hrv_vector\[0\] is a str"),
        (lambda c: c.create_profile("t", "p", [True]), TypeError, "is a bool, not a number"),
        (lambda c: c.create_profile("t", "p", [1, math.inf]), ValueError, r"hrv_vector\[1\] is"),
        (lambda c: c.create_profile("t", "p", [], []), TypeError, "metadata is a list"),
        (lambda c: c.measure_text(b"x"), TypeError, "text is a bytes"),
        (lambda c: c.get_profile("t", ".."), ValueError, "would change the path"),
        (lambda c: c.get_profile("", "x"), ValueError, "would change the path"),
        (lambda c: c.delete_profile("t", "."), ValueError, "would change the path"),
        (lambda c: c.get_profile("t", None), TypeError, "is a NoneType"),
        (lambda c: c.update_profile("t", "p", [], if_match=1), TypeError, "if_match is a int"),
        (lambda c: c.update_profile("t", "p", [], if_match=""), ValueError, "if_match has to be"),
        (lambda c: c.update_profile("t", "p", [], if_match="a\nb"), ValueError, "if_match has"),
        (lambda c: c.get_profile("t", "\ud800"), ValueError, "nobody sees"),
        (lambda c: c.get_profiles("\ud800"), ValueError, "the query of this request"),
        (lambda c: c.create_profile("t", "p", [10**400]), ValueError, r"hrv_vector\[0\] is"),
        (lambda c: c.with_options(timeout=0), ValueError, "timeout is 0"),
        (lambda c: c.with_options(on_error="rise"), ValueError, "on_error is 'rise'"),
        (lambda c: c.with_options(retry=3), TypeError, "retry is a int"),
    ],
)
def test_a_mistake_in_the_program_raises_at_once(
    mode: Any, use: Any, kind: type[Exception], message: str
) -> None:
    client = ResonanceOSAPIClient("http://127.0.0.1:1", on_error=mode)
    with pytest.raises(kind, match=message):
        use(client)


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.create_profile("demo_tenant", "seven", VECTOR[:7]),
        lambda c: c.create_profile("demo_tenant", "nine", [*VECTOR, 0.5]),
        lambda c: c.create_profile("demo_tenant", "wide", [2.0, *VECTOR[1:]]),
        lambda c: c.create_profile("demo_tenant", "No Such Name!", VECTOR),
        lambda c: c.generate_content("   "),
        lambda c: c.generate_content("\ud800"),
        lambda c: c.generate_content("x", paragraphs=99),
        lambda c: c.generate_content("x", temperature="hot"),
        lambda c: c.get_profile("demo_tenant", "a/b c%2Fd"),
        lambda c: c.get_profiles(limit=-1),
    ],
)
def test_what_the_server_can_judge_it_judges(client: ResonanceOSAPIClient, use: Any) -> None:
    result = use(client)
    assert result["status"] == "error"
    assert 400 <= result["response_code"] < 500
    assert result["request_id"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"base_url": "localhost:8000"}, ValueError, "has to begin with http"),
        ({"base_url": "ftp://x"}, ValueError, "has to begin with http"),
        ({"base_url": "http://"}, ValueError, "name a host"),
        ({"base_url": "http://a:b@host"}, ValueError, "can't hold credentials"),
        ({"base_url": "http://host:99999"}, ValueError, "no valid URL"),
        ({"base_url": "http://host?x=1"}, ValueError, "a query or a fragment"),
        ({"base_url": "http://a b"}, ValueError, "no host can have this name"),
        ({"base_url": "http://*.host"}, ValueError, "no valid URL"),
        ({"base_url": None}, TypeError, "base_url is a NoneType"),
        ({"timeout": 0}, ValueError, "timeout is 0"),
        ({"timeout": -1}, ValueError, "timeout is -1"),
        ({"timeout": math.nan}, ValueError, "timeout is nan"),
        ({"timeout": sys.maxsize}, ValueError, "at most 1,000,000 seconds"),
        ({"timeout": 10**400}, ValueError, "at most 1,000,000 seconds"),
        ({"timeout": None}, TypeError, "timeout is a NoneType"),
        ({"timeout": (1, 2)}, TypeError, "timeout is a tuple"),
        ({"timeout": True}, TypeError, "timeout is a bool"),
        ({"deadline": 0}, ValueError, "deadline is 0"),
        ({"auth": "key"}, TypeError, "auth is a str"),
        ({"retry": 3}, TypeError, "retry is a int"),
        ({"on_error": "ignore"}, ValueError, "on_error is 'ignore'"),
        ({"session": requests}, TypeError, "session is a module"),
    ],
)
def test_a_client_that_could_not_work_is_not_made(
    options: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ResonanceOSAPIClient(**options)


# --- the extension points of requests ------------------------------------------------------------


def test_a_session_of_ones_own(server: Any) -> None:
    session = requests.Session()
    session.headers["User-Agent"] = "mine"
    seen = []
    session.hooks["response"].append(lambda r, **_: seen.append(r.request.headers["User-Agent"]))
    client = ResonanceOSAPIClient(server.url + "/", session=session)
    assert client.generate_content("A prompt")["article"]
    assert client.get_profiles("demo_tenant", limit=1)["count"] == 1
    assert client.session is session
    assert seen == ["mine", "mine"]


def test_any_auth_base_signs(server: Any) -> None:
    class Named(AuthBase):
        def __call__(self, request: Any) -> Any:
            request.headers["X-Request-ID"] = "req-of-mine"
            return request

    answer = ResonanceOSAPIClient(server.url, auth=Named()).health_check()
    assert isinstance(answer, Answer)
    assert answer.request_id == "req-of-mine"


def test_it_says_who_it_is(server: Any) -> None:
    client = ResonanceOSAPIClient(server.url)
    assert client.session.headers["User-Agent"].startswith("ResonanceOS-Client/")
    assert repr(client) == f"ResonanceOSAPIClient('{server.url}', timeout=30)"


def test_settings_may_be_changed_on_the_way(client: ResonanceOSAPIClient) -> None:
    client.timeout = 5
    client.deadline = 9
    assert (client.timeout, client.deadline) == (5, 9)
    variant = client.with_options(timeout=1, deadline=2, retry=RetryPolicy(max_attempts=2))
    assert (variant.timeout, variant.deadline, variant.retry.max_attempts) == (1, 2, 2)
    assert (client.timeout, client.deadline, client.retry.max_attempts) == (5, 9, 5)
    assert variant.session is client.session
    plain = variant.with_options(deadline=None, retry=None)
    assert (plain.timeout, plain.deadline, plain.retry.max_attempts) == (1, None, 1)


def test_one_client_serves_many_threads(client: ResonanceOSAPIClient) -> None:
    def work(number: int) -> Any:
        text = f"Number {number} is here. " * (1 + number % 5)
        return text, client.measure_text(text)["hrv_vector"], client.health_check()["status"]

    alone = {text: vector for text, vector, _ in map(work, range(20))}
    with ThreadPoolExecutor(16) as threads:
        for text, vector, status in threads.map(work, [n % 20 for n in range(200)]):
            assert vector == alone[text]
            assert status == "healthy"


# --- the package ---------------------------------------------------------------------------------


def test_the_package_loads_what_is_asked_for() -> None:
    for name in resonance_helpers.__all__:
        assert getattr(resonance_helpers, name) is not None
        assert name in dir(resonance_helpers)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = resonance_helpers.nothing


def test_an_import_loads_nothing_heavy() -> None:
    heavy = ["pandas", "numpy", "plotly", "matplotlib", "ipywidgets", "fastapi", "sqlalchemy"]
    code = (
        "import sys, resonance_helpers as r; r.ResonanceOSAPIClient; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
