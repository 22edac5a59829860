"""Libraries that hook into requests see exactly the calls that they see with a stock session.

Real ones, each in its usual way: a tracer, two mocks and a recorder. What is done is the same
twice, once over the client's own session and once over a stock one: calls, a retry, a batch, a
token that has to be fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
import responses
import vcr
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resonance_helpers import ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.batch import run_batch
from resonance_helpers.client.auth import OAuth2ClientCredentials
from tests.support.raw_server import RawServer, answer, raw_server

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}
JSON = {"Content-Type": "application/json"}
TOKEN = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600}


class Api:
    """The server: fails the first /tenants, and knows the rest."""

    def __init__(self) -> None:
        self.failed = False

    def __call__(self, connection: Any, request: bytes) -> None:
        path = request.split()[1]
        if path == b"/tenants" and not self.failed:
            self.failed = True
            connection.sendall(answer({}, 503))
        elif path == b"/tenants":
            connection.sendall(answer({"tenants": []}))
        else:
            connection.sendall(answer(TOKEN if path == b"/token" else ARTICLE))


def use(url: str, session: Callable[[], requests.Session | None], concurrency: int = 2) -> None:
    """Everything through which a request may leave."""
    auth = OAuth2ClientCredentials(url + "/token", "me", "secret", session=session())
    client = ResonanceOSAPIClient(
        url, auth=auth, session=session(), retry=RetryPolicy(base=0.001), on_error="raise"
    )
    assert client.get_tenants() == {"tenants": []}
    for number in range(3):
        assert client.generate_content(f"prompt {number}") == ARTICLE
    report = run_batch(client, ["a", "b", "c", "d"], concurrency=concurrency, progress=False)
    assert report.stats.successful == 4
    client.close()


def stock() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server(Api()) as running:
        yield running


Seen = list[tuple[str, str]]
EXPECTED: Seen = sorted(
    [("POST", "/token")] + [("GET", "/tenants")] * 2 + [("POST", "/hr_generate")] * 7
)


def traced(url: str, session: Any) -> Seen:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    RequestsInstrumentor().instrument(tracer_provider=provider)
    try:
        use(url, session)
    finally:
        RequestsInstrumentor().uninstrument()
    facts = [dict(span.attributes or {}) for span in exporter.get_finished_spans()]
    return [(str(f["http.method"]), str(f["http.url"]).removeprefix(url)) for f in facts]


def mocked(url: str, session: Any) -> Seen:
    url = "http://127.0.0.1:9"  # where nobody is
    with requests_mock.Mocker() as mock:
        then = {"json": {"tenants": []}, "headers": JSON}
        mock.get(url + "/tenants", [{"status_code": 503}, then])
        mock.post(url + "/token", json=TOKEN, headers=JSON)
        mock.post(url + "/hr_generate", json=ARTICLE, headers=JSON)
        use(url, session)
        return [(r.method, "/" + r.url.rpartition("/")[2]) for r in mock.request_history]


def answered(url: str, session: Any) -> Seen:
    url = "http://127.0.0.1:9"
    with responses.RequestsMock() as mock:
        mock.get(url + "/tenants", status=503)
        mock.get(url + "/tenants", json={"tenants": []})
        mock.post(url + "/token", json=TOKEN)
        mock.post(url + "/hr_generate", json=ARTICLE)
        use(url, session)
        calls = [call.request for call in mock.calls]
        return [(str(r.method), str(r.url).removeprefix(url)) for r in calls]


@pytest.mark.parametrize("watch", [traced, mocked, answered])
def test_each_call_is_seen(watch: Any, server: RawServer) -> None:
    ours = watch(server.url, lambda: None)
    assert sorted(ours) == EXPECTED
    reached = len(server.requests)
    assert reached == (len(EXPECTED) if watch is traced else 0)  # a mock lets nothing through
    if watch is not traced:
        assert sorted(watch(server.url, stock)) == EXPECTED


def test_a_trace_is_carried_on(server: RawServer) -> None:
    traced(server.url, lambda: None)
    assert all(b"traceparent: " in request for request in server.requests)


@pytest.mark.parametrize("warm", [False, True], ids=["new", "in use"])
def test_a_recorder_sees_each_call_and_plays_it_back(
    warm: bool, server: RawServer, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.yaml"
    with ResonanceOSAPIClient(server.url, retry=None) as client:
        if warm:
            client.get_tenants()
            client.get_tenants()
        with vcr.use_cassette(str(tape), record_mode="once") as recorded:
            live = [client.get_tenants(), client.generate_content("a prompt")]
        assert len(recorded.requests) == 2
        reached = len(server.requests)
        with vcr.use_cassette(str(tape), record_mode="none") as played:
            assert [client.get_tenants(), client.generate_content("a prompt")] == live
        assert played.play_count == 2
        assert len(server.requests) == reached


@pytest.mark.parametrize("session", [lambda: None, stock], ids=["ours", "stock"])
def test_a_recorder_sees_what_it_sees_with_stock_requests(
    session: Any, server: RawServer, tmp_path: Path
) -> None:
    with vcr.use_cassette(str(tmp_path / "tape.yaml"), record_mode="once") as recorded:
        # One at a time: a recorder lets its patches go while a thread connects, and misses what
        # other threads do meanwhile, with stock requests too.
        use(server.url, session, concurrency=1)
    seen = [(request.method, request.path) for request in recorded.requests]
    assert sorted(seen) == EXPECTED
    assert len(server.requests) == len(EXPECTED)


@pytest.mark.parametrize("name", ["request", "prepare_request", "send", "get_adapter"])
def test_whatever_of_a_session_is_wrapped_is_called(
    name: str, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for session in (lambda: None, stock):
        seen: list[str] = []
        original = getattr(requests.Session, name)

        def wrapped(*args: Any, **kw: Any) -> Any:
            seen.append(name)  # noqa: B023
            return original(*args, **kw)  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(requests.Session, name, wrapped)
            client = ResonanceOSAPIClient(server.url, session=session(), retry=None)
            for _ in range(3):
                client.get_tenants()
        counts.append(len(seen))
    assert counts == [3, 3]


def test_a_session_of_ones_own_signs_in_its_own_way(server: RawServer) -> None:
    """As OAuth2Session and many others do, which override `request`."""

    class Signing(requests.Session):
        def request(self, method: Any, url: Any, **options: Any) -> Any:  # type: ignore[override]
            headers = {**(options.pop("headers", None) or {}), "X-Signed": "yes"}
            return super().request(method, url, headers=headers, **options)

    client = ResonanceOSAPIClient(server.url, session=Signing(), retry=RetryPolicy(base=0.001))
    assert client.get_tenants() == {"tenants": []}
    assert all(b"X-Signed: yes" in request for request in server.requests)


@pytest.mark.parametrize("library", [requests_mock.Mocker, responses.RequestsMock])
def test_an_answer_that_is_made_up_may_be_empty(library: Any) -> None:
    """No connection has cut it off, though no header says how long it is."""
    url, client = "http://127.0.0.1:9", ResonanceOSAPIClient("http://127.0.0.1:9", retry=None)
    with library() as mock:
        status = "status" if library is responses.RequestsMock else "status_code"
        mock.get(f"{url}/tenants", headers=JSON, **{status: 503})
        mock.delete(f"{url}/profiles/a/b", headers=JSON)
        assert client.get_tenants()["type"] == "unavailable"
        assert client.delete_profile("a", "b") == {}
