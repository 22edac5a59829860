"""Whatever is given in place of a right argument, one clear sentence says so, and at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from resonance_helpers import (
    ApiKeyAuth,
    AsyncResonanceOSAPIClient,
    AuthenticatedAPIClient,
    JWTAuth,
    OAuth2AuthorizationCode,
    OAuth2ClientCredentials,
    ResonanceOSAPIClient,
    RetryPolicy,
    Secret,
    WebhookHandler,
    WebhookReceiver,
)
from resonance_helpers.batch import read_report, run_batch
from resonance_helpers.client.auth import HeadlessBrowser
from resonance_helpers.client.transport.arguments import seconds, span
from resonance_helpers.client.transport.quota import RetryQuota
from resonance_helpers.webhooks import SeenEvents, new_secret, sign, verify
from tests.support.raw_server import raw_server, replies

URL = "http://127.0.0.1:9"
SECRET = new_secret()
HEADERS = sign(b"{}", SECRET, "msg_1", int(time.time()))

WRONG: dict[str, Any] = {
    "None": None,
    "x": "x",
    "NaN": math.nan,
    "-1": -1,
    "0": 0,
    "True": True,
    "huge": 10**5_000,
    "infinity": math.inf,
    "half": 1.5,
    "bytes": b"x",
    "list": [],
    "object": object(),
}
NUMBERS = "NaN -1 0 huge infinity half"
OF_TEXT = f"None True bytes list object {NUMBERS}"
OF_SECONDS = "None x NaN -1 0 True huge infinity bytes list object"
OF_SPAN = "None x NaN -1 True huge infinity bytes list object"
OF_COUNT = "x NaN True infinity half bytes list object"
OF_FLAG = f"None x bytes list object {NUMBERS}"
OF_FUNCTION = f"x True bytes list object {NUMBERS}"
OF_SEVERAL = f"None x True object {NUMBERS}"
OF_FILE = f"True list object {NUMBERS}"


def client() -> ResonanceOSAPIClient:
    return ResonanceOSAPIClient(URL, retry=None)


def having_set(**given: Any) -> None:
    for name, value in given.items():
        setattr(client(), name, value)


def signed_in(**given: Any) -> Any:
    return OAuth2AuthorizationCode(f"{URL}/a", f"{URL}/t", **{"client_id": "app", **given})


def credentials(**given: Any) -> Any:
    return OAuth2ClientCredentials(
        **{"token_url": URL, "client_id": "a", "client_secret": "b"} | given
    )


def listening(**given: Any) -> None:
    WebhookReceiver(**{"secret": SECRET, **given}).stop()


def asked(method: str) -> Callable[..., Any]:
    def ask(**given: Any) -> Any:
        receiver = WebhookReceiver(SECRET)
        receiver.stop()
        return getattr(receiver, method)(**given)

    return ask


def once(**given: Any) -> None:
    with SeenEvents().once(**given):
        pass


def transaction(**given: Any) -> None:
    with SeenEvents().transaction(**given):
        pass


def batch(**given: Any) -> Any:
    return run_batch(client(), **{"requests": [], "progress": False, **given})


TAKEN: list[tuple[str, Callable[..., Any], dict[str, Any], dict[str, str]]] = [
    (
        "client",
        ResonanceOSAPIClient,
        {},
        {
            "base_url": f"x {OF_TEXT}",
            "timeout": OF_SECONDS,
            "deadline": OF_SECONDS.removeprefix("None "),
            "auth": OF_FUNCTION,
            "retry": OF_FUNCTION,
            "on_error": f"x {OF_TEXT}",
            "session": OF_FUNCTION,
            "allow_http": OF_FLAG,
            "pace": OF_FLAG,
        },
    ),
    (
        "with_options",
        lambda **given: client().with_options(**given),
        {},
        {"timeout": OF_SECONDS, "on_error": f"x {OF_TEXT}", "retry": OF_FUNCTION, "pace": OF_FLAG},
    ),
    (
        "call",
        lambda **given: client().generate_content("x", **given),
        {},
        {"pace": OF_FLAG, "timeout": OF_SECONDS, "headers": OF_TEXT.removeprefix("None ")},
    ),
    ("set", having_set, {}, {"on_error": f"x {OF_TEXT}", "session": OF_FUNCTION}),
    ("asyncio", AsyncResonanceOSAPIClient, {}, {"max_concurrent": "None 0 -1 huge " + OF_COUNT}),
    (
        "policy",
        RetryPolicy,
        {},
        {
            "max_attempts": f"None 0 -1 {OF_COUNT}",
            **dict.fromkeys(("base", "cap", "max_wait"), OF_SPAN),
            **dict.fromkeys(("random", "clock", "now", "sleep"), f"None {OF_FUNCTION}"),
        },
    ),
    ("quota", RetryQuota, {}, {"capacity": f"None -1 {OF_COUNT}"}),
    ("key from the environment", Secret.from_env, {}, {"name": OF_TEXT}),
    (
        "credentials",
        credentials,
        {},
        {
            "token_url": f"x {OF_TEXT}",
            "client_id": OF_TEXT,
            "scope": OF_FUNCTION.replace("x ", "").replace("list ", ""),
            "timeout": OF_SECONDS,
            "session": OF_FUNCTION,
            "clock": f"None {OF_FUNCTION}",
        },
    ),
    (
        "log-in",
        signed_in,
        {},
        {
            "client_id": OF_TEXT,
            "redirect_uri": OF_TEXT,
            "browser": f"None {OF_FUNCTION}",
            "keep": OF_FUNCTION,
            "patience": OF_SECONDS,
            "clock": f"None {OF_FUNCTION}",
        },
    ),
    ("JWT", JWTAuth, {"token": "a"}, {"clock": f"None {OF_FUNCTION}"}),
    (
        "browser",
        HeadlessBrowser,
        {"username": "a", "password": "b"},
        {"username": OF_TEXT, "button": OF_TEXT},
    ),
    (
        "profiles",
        lambda **given: client().get_profiles(**given),
        {},
        {"limit": OF_COUNT, "cursor": OF_TEXT.removeprefix("None "), "tenant": OF_TEXT[5:]},
    ),
    (
        "deliveries",
        lambda **given: client().get_deliveries("wh_1", **given),
        {},
        {"limit": OF_COUNT, "cursor": OF_TEXT.removeprefix("None ")},
    ),
    (
        "batch",
        batch,
        {},
        {
            "requests": OF_SEVERAL + " bytes",
            "concurrency": f"None 0 -1 {OF_COUNT}",
            "journal": OF_FILE,
            "progress": OF_FLAG,
            "until": OF_SECONDS.removeprefix("None "),
            "executor": OF_FUNCTION,
        },
    ),
    (
        "key",
        lambda **given: client().create_api_key(["generate"], **given),
        {},
        {"expires_in": OF_COUNT, "name": OF_TEXT.removeprefix("None ")},
    ),
    (
        "rotated key",
        lambda **given: client().rotate_api_key("key_1", **given),
        {},
        {"overlap_seconds": OF_COUNT},
    ),
    (
        "rotated secret",
        lambda **given: client().rotate_webhook_secret("wh_1", **given),
        {},
        {"overlap_seconds": OF_COUNT},
    ),
    ("report", read_report, {}, {"journal": f"None {OF_FILE}"}),
    (
        "receiver",
        listening,
        {},
        {
            "secret": f"x list {OF_TEXT}",
            "port": f"None -1 huge {OF_COUNT}",
            "handler": OF_FUNCTION,
            "tolerance": OF_SPAN,
            "seen": OF_FUNCTION,
            "patience": OF_SECONDS,
            "clock": f"None {OF_FUNCTION}",
        },
    ),
    (
        "wait",
        asked("wait"),
        {"count": 0},
        {"count": f"None -1 huge {OF_COUNT}", "timeout": OF_SPAN},
    ),
    (
        "wait_for",
        asked("wait_for"),
        {"request_ids": []},
        {"request_ids": OF_SEVERAL + " bytes", "timeout": OF_SPAN},
    ),
    ("on_receipt", asked("on_receipt"), {}, {"listener": f"None {OF_FUNCTION}"}),
    (
        "handler",
        WebhookHandler,
        {"webhook_url": URL},
        {
            "webhook_url": f"x {OF_TEXT}",
            "client": OF_FUNCTION,
            "timeout": OF_SECONDS,
            "deadline": OF_SECONDS,
            "retry": OF_FUNCTION,
            "session": OF_FUNCTION,
            "clock": f"None {OF_FUNCTION}",
        },
    ),
    (
        "seen events",
        SeenEvents,
        {},
        {
            "path": f"None {OF_FILE}",
            "keep": OF_SPAN,
            "lease": OF_SPAN,
            "clock": f"None {OF_FUNCTION}",
        },
    ),
    ("once", once, {"event_id": "a"}, {"event_id": OF_TEXT, "subject": OF_TEXT}),
    ("transaction", transaction, {"event_id": "a"}, {"event_id": OF_TEXT, "subject": OF_TEXT}),
    ("handled", SeenEvents().handled, {}, {"subjects": OF_SEVERAL + " bytes"}),
    (
        "sign",
        sign,
        {"body": b"{}", "secrets": SECRET, "webhook_id": "a", "timestamp": 1},
        {
            "body": OF_TEXT.replace("bytes ", "x "),
            "secrets": f"x list {OF_TEXT}",
            "webhook_id": OF_TEXT,
            "timestamp": "None x -1 bytes list object NaN True huge infinity half",
        },
    ),
    (
        "verify",
        verify,
        {"body": b"{}", "headers": HEADERS, "secrets": SECRET},
        {
            "body": OF_TEXT.replace("bytes ", "x "),
            "headers": f"None x True bytes object {NUMBERS}",
            "secrets": f"x list {OF_TEXT}",
            "tolerance": OF_SPAN,
            "now": "x NaN True huge infinity bytes list object",
        },
    ),
]
"""What takes arguments, what it has to be given, and what each of its arguments can't be."""

WORDS = {"secret": "signing secret", "secrets": "signing secret"}
"""What an argument is called in a sentence that may repeat nothing of it."""


def cases() -> Iterator[Any]:
    for name, function, given, arguments in TAKEN:
        for argument, wrong in arguments.items():
            for kind in dict.fromkeys(wrong.split()):
                yield pytest.param(
                    function, given, argument, WRONG[kind], id=f"{name}-{argument}-{kind}"
                )


@pytest.mark.parametrize(("function", "given", "argument", "value"), list(cases()))
def test_a_wrong_argument_is_named(
    function: Callable[..., Any], given: dict[str, Any], argument: str, value: Any
) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        function(**{**given, argument: value})
    told = str(raised.value)
    assert WORDS.get(argument, argument) in told
    assert len(told) < 300
    assert " object is not " not in told  # Python's own words, which name nothing
    assert " supported between " not in told


@pytest.mark.parametrize("kind", ["NaN", "-1", "0", "True", "huge", "bytes", "list", "object"])
@pytest.mark.parametrize(
    "function",
    [
        Secret,
        ApiKeyAuth,
        JWTAuth,
        lambda value: AuthenticatedAPIClient(URL, value),
        lambda value: credentials(client_secret=value),
        lambda value: signed_in(refresh_token=value),
        lambda value: HeadlessBrowser("a", value),
    ],
    ids=["Secret", "ApiKeyAuth", "JWTAuth", "client", "credentials", "log-in", "browser"],
)
def test_a_secret_is_a_string(function: Callable[..., Any], kind: str) -> None:
    with pytest.raises(TypeError, match="a secret is a string, not a "):
        function(WRONG[kind])


def test_a_class_is_no_credential() -> None:
    with pytest.raises(TypeError, match="auth is a type, not an AuthBase like ApiKeyAuth"):
        ResonanceOSAPIClient(URL, auth=ApiKeyAuth)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["Bearer abcdefgh", '"abcdefgh"', "'abcdefgh'", "abcd efgh"])
def test_what_comes_along_with_a_copied_key_is_none_of_it(key: str) -> None:
    with pytest.raises(ValueError, match="the API key has a space or a quotation mark") as raised:
        ApiKeyAuth(key)
    assert "abcd" not in str(raised.value)


def test_a_frame_is_no_list_of_requests() -> None:
    # Going through it gives the names of its columns, which would be written articles about.
    frame = pandas.DataFrame([{"prompt": "Tides", "seed": 1}])
    with pytest.raises(TypeError, match=r"requests is a DataFrame\. Fix: "):
        run_batch(client(), frame, progress=False)
    assert run_batch(client(), pandas.Series([], dtype=str), progress=False).stats.total == 0


@pytest.mark.parametrize("journal", [None, "journal"])
def test_a_number_of_another_library_is_one(journal: str | None, tmp_path: Path) -> None:
    request = {"prompt": "Tides", "seed": numpy.int64(7), "temperature": numpy.float32(0.5)}
    with raw_server(replies({"article": "x", "hrv_feedback": 1.0})) as server:
        api = ResonanceOSAPIClient(server.url)
        path = None if journal is None else tmp_path / journal
        assert run_batch(api, [request], journal=path, progress=False).stats.successful == 1
        assert server.requests[0].endswith(b'{"prompt": "Tides", "seed": 7, "temperature": 0.5}')
        assert api.measure_text("x")["type"] == "unexpected-shape"
        with pytest.raises(ValueError, match="`seed` can't be sent as JSON"):
            api.generate_content("x", seed=numpy.float32("nan"))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [numpy.float16(5), numpy.float32(5), numpy.int8(5), 5])
def test_seconds_of_another_library_are_some(number: Any) -> None:
    assert span("x", number) == seconds("x", number) == 5.0


def test_no_secret_is_written_into_a_journal(tmp_path: Path) -> None:
    request = {"prompt": "x", "key": Secret("sk-0123456789")}
    report = run_batch(client(), [request], journal=tmp_path / "journal", progress=False)
    assert report.failures[0].type == "invalid-request"
    assert "`key` can't be sent" in report.failures[0].message
    assert b"sk-0123456789" not in (tmp_path / "journal").read_bytes()


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    assert AsyncResonanceOSAPIClient(max_concurrent=10_000)
    assert RetryPolicy(base=0, cap=0, max_wait=0)
    assert AuthenticatedAPIClient(URL, "").auth is None
    SeenEvents(tmp_path / "events.db", keep=40 * 86_400, lease=0.5).close()
    assert run_batch(client(), [], journal=tmp_path / "journal", progress=False, until=1)
    assert asked("wait")(count=0, timeout=0) == []
