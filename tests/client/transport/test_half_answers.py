"""Half an answer is no answer: what was cut or can't be read is unknown, whatever its status."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.util import Retry

from resonance_helpers import ResonanceOSAPIClient, RetryPolicy, WebhookHandler
from resonance_helpers.batch import run_batch
from resonance_helpers.client import errors
from resonance_helpers.client.transport import Answer
from resonance_helpers.client.transport.compression import codings_of, decompressed
from tests.support.raw_server import raw_server, replies, sends, sends_and_closes

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}
PROBLEM = json.dumps(
    {"type": "urn:resonanceos:problem:profile-exists", "detail": "There is one.", "status": 409}
).encode()
JSON_TYPE = "application/problem+json"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422, 429, 500, 503])
@pytest.mark.parametrize("cut", [1, len(PROBLEM) // 2, len(PROBLEM) - 1])
@pytest.mark.parametrize("framing", ["whole", "until the end", "announced"])
def test_a_refusal_that_was_cut_is_no_reason(status: int, cut: int, framing: str) -> None:
    body = PROBLEM[:cut]
    if framing == "whole":
        handler = replies(body, status, content_type=JSON_TYPE)
    else:
        length = b"" if framing == "until the end" else b"Content-Length: %d\r\n" % len(PROBLEM)
        head = b"HTTP/1.1 %d No\r\nContent-Type: %s\r\n" % (status, JSON_TYPE.encode())
        handler = sends_and_closes(head + length + b"\r\n" + body)
    with raw_server(handler) as server:
        client = ResonanceOSAPIClient(server.url, retry=None, on_error="raise")
        with pytest.raises(errors.OutcomeUnknownError) as raised:
            client.create_profile("acme", "mine", [0.5] * 8)
    assert not isinstance(raised.value, errors.StatusError)
    assert raised.value.retryable


def test_it_is_tried_again_under_the_same_key() -> None:
    cut = replies(PROBLEM[:30], 409, content_type=JSON_TYPE)
    with raw_server(cut, cut, replies({"profile_name": "mine"}, 201)) as server:
        client = ResonanceOSAPIClient(server.url, retry=RetryPolicy(base=0.001))
        assert client.create_profile("acme", "mine", [0.5] * 8) == {"profile_name": "mine"}
        keys = {line for r in server.requests for line in r.split(b"\r\n") if b"Idempot" in line}
    assert len(server.requests) == 3
    assert len(keys) == 1


def test_a_success_that_calls_itself_a_problem_is_none() -> None:
    with raw_server(replies(PROBLEM, 200, content_type=JSON_TYPE)) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        assert client.get_system_metrics()["type"] == "unexpected-shape"


TEXT = b"".join(b'requests_total{route="/r%d"} %d\n' % (i, i * 7919) for i in range(400))
SQUEEZED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "raw deflate": zlib.compress(TEXT)[2:-4],
    "gzip, gzip": gzip.compress(gzip.compress(TEXT)),
}


@pytest.mark.parametrize("coding", SQUEEZED)
@pytest.mark.parametrize("left", [None, -1, 0.9, 0.5, 0.1])
def test_the_end_of_a_compressed_stream_is_looked_for(coding: str, left: float | None) -> None:
    whole = SQUEEZED[coding]
    body = whole if left is None else whole[: -1 if left == -1 else int(len(whole) * left)]
    handler = replies(
        body,
        headers={"Content-Encoding": coding.split()[-1]}
        if "raw" in coding
        else {"Content-Encoding": coding},
        content_type="text/plain",
    )
    with raw_server(handler) as server:
        for session in (None, requests.Session()):
            client = ResonanceOSAPIClient(server.url, retry=None, session=session)
            for _ in range(2):
                answer = client.get_prometheus_metrics()
                if left is None:
                    assert answer == {"text": TEXT.decode()}
                else:
                    assert answer["type"] == "malformed-json"
                    assert answer["retryable"]


def test_several_members_and_padding_are_one_stream() -> None:
    two = gzip.compress(b"one, ") + gzip.compress(b"two") + b"\0" * 512
    assert decompressed(two, ["gzip"], 100) == b"one, two"
    assert decompressed(b"", ["gzip"], 100) == b""
    assert codings_of(" GZIP , identity,, deflate") == ["gzip", "deflate"]


@pytest.mark.parametrize(
    ("content", "codings"),
    [
        (gzip.compress(b"") * 1001, ["gzip"]),
        (b"nonsense", ["gzip"]),
        (gzip.compress(b"a")[:-1], ["gzip"]),
        (b"a", ["gzip"] * 4),
    ],
    ids=["members", "nonsense", "cut", "depth"],
)
def test_what_is_too_much_or_broken_is_refused(content: bytes, codings: list[str]) -> None:
    from urllib3.exceptions import DecodeError

    with pytest.raises(DecodeError):
        decompressed(content, codings, 1000)


def test_what_it_expands_to_is_bounded() -> None:
    assert len(decompressed(gzip.compress(b"a" * 30_000_000), ["gzip"], 1000)) == 1001


def test_a_hook_that_reads_the_answer_leaves_it_to_the_client() -> None:
    """As hooks that write logs do, over the fast path and over the libraries' own."""
    seen: list[Any] = []
    with raw_server(replies(ARTICLE)) as server:
        for session in (None, requests.Session()):
            client = ResonanceOSAPIClient(server.url, session=session, retry=None)
            client.session.hooks["response"].append(lambda r, **_: seen.append(r.json()))
            for _ in range(2):
                assert client.generate_content("a prompt") == ARTICLE
    assert seen == [ARTICLE] * 4


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("app;dur=12.5", 0.0125),
        ('cache;desc="a;b", app ; desc=x ; dur="7"', 0.007),
        ("app;dur=" + "9" * 400, None),
        ("app;dur=1e300", None),
        ("db;dur=3", None),
        ("", None),
    ],
)
def test_a_server_time_is_a_number_of_a_sane_size(header: str, seconds: float | None) -> None:
    assert Answer(headers={"Server-Timing": header}).server_time == seconds


def test_an_error_tells_of_a_bounded_number_of_findings() -> None:
    many = {
        "errors": [{"field": "f", "message": "m"}] * 5000,
        "checks": {f"c{n}": {"status": "down"} for n in range(5000)},
    }
    with raw_server(replies(many, 422, content_type=JSON_TYPE)) as server:
        client = ResonanceOSAPIClient(server.url, retry=None, on_error="raise")
        with pytest.raises(errors.ValidationError) as raised:
            client.generate_content("x")
    assert len(raised.value.errors) == len(raised.value.checks) == 100


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content"])
def test_nothing_or_a_part_is_no_answer_where_all_is_asked_for(status: str) -> None:
    body = json.dumps({"article": "A", "hrv_feedback": 0.5, "request_id": "r"}).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
    if status.startswith("206"):
        head += f"Content-Range: bytes 0-{len(body) - 1}/900\r\nContent-Length: {len(body)}\r\n"
    answer = f"{head}\r\n".encode() + (body if status.startswith("206") else b"")
    with raw_server(lambda connection, _: connection.sendall(answer)) as server:
        failure = ResonanceOSAPIClient(server.url, retry=None).generate_content("Tea")
    assert failure["status"] == "error"
    assert isinstance(failure.error, errors.BadResponseError)


CUT_TO_NOTHING: list[tuple[str, Any]] = [
    ("409 Conflict", lambda api: api.generate_content("x")),
    ("422 Unprocessable", lambda api: api.generate_content("x")),
    ("200 OK", lambda api: api.get_system_metrics()),
    ("200 OK", lambda api: api.enable_webhook("a")),
]


@pytest.mark.parametrize(("status", "call"), CUT_TO_NOTHING)
def test_json_that_was_announced_and_never_came_is_no_answer(status: str, call: Any) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {JSON_TYPE}\r\n"
    with raw_server(sends_and_closes(f"{head}\r\n".encode())) as server:
        failure = call(ResonanceOSAPIClient(server.url, retry=None))
        assert (failure["type"], failure["retryable"]) == ("malformed-json", True)
    for whole in ("Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
        with raw_server(sends(f"{head}{whole}".encode())) as server:
            answer = call(ResonanceOSAPIClient(server.url, retry=None))
        assert answer.get("type") != "malformed-json"


def test_another_protocol_is_no_deletion() -> None:
    switches = sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
    with raw_server(switches) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        assert client.delete_profile("acme", "mine")["type"] == "unexpected-shape"


@pytest.mark.parametrize(("levels", "successful"), [(190, 1), (250, 0), (600, 0), (9000, 0)])
def test_an_answer_may_be_read_again_where_less_of_the_stack_is_left(
    levels: int, successful: int, tmp_path: Path
) -> None:
    """A journal that holds one that can't be ends each resume."""
    deep = b'{"article": "A", "hrv_feedback": 1, "x": %s%s}' % (b"[" * levels, b"]" * levels)
    with raw_server(replies(deep)) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        report = run_batch(client, ["x"], journal=tmp_path / "j", progress=False)
    assert report.stats.successful == successful
    assert {failure.type for failure in report.failures} <= {"malformed-json"}

    def deeper(frames: int) -> int:
        return deeper(frames - 1) if frames else len(list(report.results))

    assert deeper(sys.getrecursionlimit() // 2) == 1


def test_pages_with_nothing_on_them_come_to_an_end() -> None:
    def page(connection: Any, request: bytes) -> None:
        cursor = f"c{len(server.requests)}"
        replies({"profiles": [], "next_cursor": cursor})(connection, request)

    with (
        raw_server(page) as server,
        pytest.raises(errors.UnexpectedShapeError, match="100 pages in a row have nothing"),
    ):
        list(ResonanceOSAPIClient(server.url).iter_profiles())
    assert len(server.requests) == 100


@pytest.mark.parametrize("method", ["request", "send"])
def test_an_answer_that_a_test_has_made_by_hand_is_one(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = requests.Response()
    made.status_code, made._content = 200, json.dumps(ARTICLE).encode()
    made.headers["Content-Type"] = "application/json"
    monkeypatch.setattr(requests.Session, method, lambda *_, **__: made)
    client = ResonanceOSAPIClient("http://localhost:1", retry=None)
    assert client.generate_content("x") == ARTICLE
    made._content = None  # as of an answer without a body
    assert client.generate_content("x")["type"] == "malformed-json"


def test_what_a_server_and_a_gateway_both_say_is_read() -> None:
    twice = {"content-type": "application/json; charset=utf-8"}
    slow = {"Retry-After": "7", "retry-after": "20"}
    with raw_server(replies(ARTICLE, headers=twice), replies({}, 429, slow)) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        assert client.generate_content("x") == ARTICLE
        assert client.generate_content("x")["retry_after"] == 20


def test_a_session_that_is_set_later_sends() -> None:
    class Counting(requests.Session):
        sent = 0

        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            self.sent += 1
            return super().send(*args, **kwargs)

    with raw_server(replies(ARTICLE)) as server:
        client = ResonanceOSAPIClient(server.url)
        client.generate_content("x")
        client.session = counting = Counting()
        assert client.session is counting
        client.generate_content("x")
        client.with_options(timeout=5).generate_content("x")
        assert counting.sent == 2


def does_nothing(*_: Any, **__: Any) -> None: ...


@pytest.mark.parametrize(
    "hooks", [None, {}, {"response": does_nothing}, {"response": (does_nothing,)}]
)
def test_hooks_and_proxies_in_each_form_of_requests(hooks: Any) -> None:
    with raw_server(replies(ARTICLE)) as server:
        client = ResonanceOSAPIClient(server.url, on_error="raise")
        client.session.hooks, client.session.proxies = hooks, None  # type: ignore[assignment]
        for _ in range(3):
            assert client.generate_content("x") == ARTICLE
        assert run_batch(client, ["abc"], progress=False).stats.successful == 1


@pytest.mark.parametrize("status", [404, 422, 503])
def test_an_answer_that_a_hook_raises_for_is_judged_as_any_other(status: int) -> None:
    problem = {"type": "urn:resonanceos:problem:unknown-profile", "detail": "There is none."}
    with raw_server(replies(problem, status, content_type=JSON_TYPE)) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        plain = client.generate_content("x")
        client.session.hooks["response"].append(lambda answer, **_: answer.raise_for_status())
        assert client.generate_content("x") == plain
        assert plain["response_code"] == status
        handler = WebhookHandler(f"{server.url}/?a", client=client, session=client.session)
        handler.generate_and_notify("x")
        assert handler.last_delivery is not None
        assert handler.last_delivery.reason == f"the receiver answered {status}"


def test_what_a_hook_raises_of_another_answer_is_not_taken_for_this_one() -> None:
    elsewhere = requests.Response()
    elsewhere.status_code, elsewhere.url = 404, "http://localhost:1/token"
    with raw_server(replies(ARTICLE)) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)

        def ask(answer: requests.Response, **_: Any) -> None:
            answer.close()
            elsewhere.raise_for_status()

        client.session.hooks["response"].append(ask)
        assert client.generate_content("x")["type"] == "connection-lost"


def test_the_status_that_an_adapter_has_given_up_on_is_told() -> None:
    policy = Retry(1, backoff_factor=0, status_forcelist=[503], allowed_methods=None)
    with (
        raw_server(replies({}, 503)) as server,
        ResonanceOSAPIClient(server.url, retry=None) as client,
    ):
        client.session.mount("http://", requests.adapters.HTTPAdapter(max_retries=policy))
        answer = client.generate_content("x")
    assert (answer["type"], answer["response_code"]) == ("unavailable", 503)
    assert len(server.requests) == 2
