"""The contract's clauses: all kept by the sandbox, broken by a copy of it that deviates."""

from __future__ import annotations

import email.utils
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from benchmarks.judged.plain_server import app as plain
from resonance_helpers.cli.conform import NEEDS
from resonance_helpers.cli.main import main
from resonance_helpers.lesson.manifest import CAPSTONE, LESSONS
from resonance_judge.conform import CLAUSES, Broken, Clause, Need, Prober, Row, conform, obstacle
from resonance_sandbox.app import create_app, issue_credentials
from resonance_sandbox.settings import Settings

from .deviations import DEVIATIONS, Deviation
from .serving import served

ALL: frozenset[Need] = frozenset({"read", "write", "limits"})
SETTINGS = {"allow_loopback_webhooks": True, "webhook_retry": (0.2, 0.2)}


def checked(
    only: Callable[[Clause], bool],
    deviation: Deviation | None = None,
    allows: frozenset[Need] = ALL,
    host: str = "127.0.0.1",
) -> tuple[list[Row], Any]:
    """The rows of a sandbox, and its log of requests."""

    def make(url: str) -> Any:
        worker = {"delivery_worker": deviation.worker} if deviation else {}
        app = create_app(Settings(**SETTINGS), url=url, **worker)
        return deviation.installed(app) if deviation else app

    with served(make) as (url, app):
        credentials = issue_credentials(app)
        held = credentials["acme_corp"]
        call = Prober(
            url.replace("127.0.0.1", host),
            client=(held["client_id"], held["client_secret"]),
            app=(held["app_client_id"], held["redirect_uri"]),
            admin=credentials["admin"]["api_key"],
            allows=allows,
            rate=80,
        )
        return conform(call, only=only), app.state.log


def schemaless(clause: Clause) -> bool:
    return not clause.name.startswith("schema")


def broken(rows: list[Row]) -> dict[str, str]:
    return {row.clause.name: row.shown_by for row in rows if row.verdict == "broken"}


def test_the_sandbox_keeps_every_clause() -> None:
    rows, _ = checked(schemaless)
    assert [(r.clause.name, r.shown_by) for r in rows if r.verdict != "kept"] == []
    assert len(rows) >= 55


def test_this_machine_is_the_same_by_its_other_name() -> None:
    """As the README calls it; the sandbox's name as an issuer is the address it listens on."""
    named = {"oauth-metadata", "client-credentials"}
    rows, _ = checked(lambda clause: clause.name in named, host="LocalHost")
    assert [(r.verdict, r.shown_by) for r in rows] == [("kept", ""), ("kept", "")]


@pytest.mark.soak
def test_the_sandbox_keeps_its_schema() -> None:
    rows, _ = checked(lambda clause: not schemaless(clause))
    assert [(r.clause.name, r.shown_by) for r in rows if r.verdict != "kept"] == []


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: one.name)
def test_a_deviation_is_found(deviation: Deviation) -> None:
    rows, _ = checked(lambda clause: clause.name in deviation.breaks, deviation)
    assert broken(rows).keys() == deviation.breaks


@pytest.mark.soak
@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: one.name)
def test_a_deviation_is_found_and_nothing_else_is(deviation: Deviation) -> None:
    rows, _ = checked(schemaless, deviation)
    assert broken(rows).keys() == deviation.breaks


def test_without_leave_it_reads_alone() -> None:
    rows, log = checked(schemaless, allows=frozenset({"read"}))
    assert {entry["method"] for entry in log.entries("*open")} <= {"GET", "HEAD"}
    for row in rows:
        assert (row.verdict == "not shown") == (row.clause.needs != "read"), row


def test_a_plain_server_gets_an_honest_list() -> None:
    with served(lambda url: plain) as (url, _):
        rows = conform(Prober(url, allows=ALL, rate=200), only=schemaless)
    words = {row.clause.name: row.verdict for row in rows}
    assert words["openapi"] == "broken"
    assert words["problems"] == "broken"
    assert words["no-numbers"] == "broken"
    assert words["head"] == "broken"
    assert words["limits-refuse"] == "not shown"
    assert words["client-credentials"] == "not shown"
    for row in rows:
        assert row.verdict == "kept" or row.shown_by.endswith("."), row


def answering(status: int, headers: dict[str, str], content: bytes) -> Any:
    """A server that answers everything alike."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        told = {name: value.format(path=scope["path"]) for name, value in headers.items()}
        sent = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": content})

    return app


STRANGE = {
    "nested": ({}, b"[" * 100_000),
    "a list": ({}, b"[]"),
    "large numbers": ({}, b'{"status": ' + b"9" * 5_000 + b"}"),
    "no gzip": ({"content-encoding": "gzip"}, b"\x1f\x8bnone"),
    "null": ({"content-type": "application/problem+json"}, b"null"),
    "limits": ({"ratelimit": '"a";r=1', "x-ratelimit-reset": "9" * 5_000}, b"{}"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_whatever_a_server_answers_there_is_a_list(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_judge.conform.webhooks.PATIENCE", 0.1)
    headers, content = STRANGE[kind]
    app = answering(200, {"content-type": "application/json", **headers}, content)
    with served(lambda url: app) as (url, _):
        rows = conform(Prober(url, key="key", allows=ALL - {"limits"}, rate=2_000), only=schemaless)
    assert len(rows) > 20
    for row in rows:
        assert row.verdict == "kept" or row.shown_by.endswith("."), row


def test_clauses_are_named_once_and_lessons_need_known_ones() -> None:
    names = [clause.name for clause in CLAUSES]
    assert len({*names}) == len(names)
    assert NEEDS.keys() == {lesson.topic for lesson in (*LESSONS, CAPSTONE)}
    assert frozenset().union(*NEEDS.values()) <= {*names}


@pytest.mark.parametrize(
    "url", ["localhost:8000", "http://", "http://[::1", "http://host:99999", "http://host/?a=b"]
)
def test_what_is_no_base_url_is_told_so(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", url]) == 2
    assert f"{url} is no base URL. Fix: give one as in" in capsys.readouterr().err


OBSTACLES = {
    "https": (301, {"location": "https://api.test{path}"}, b"", "Fix: give https://api.test if"),
    "a prefix": (307, {"location": "/api/v6{path}"}, b"", "/api/v6 if you mean that server"),
    "a log-in": (302, {"location": "/login?to={path}"}, b"", "leads to http://127.0.0.1:"),
    "a slash": (308, {"location": "{path}/"}, b"", "/health/; no redirect is followed"),
    "a page": (200, {"content-type": "text/html"}, b"<form>", "200 with text/html and no JSON"),
    "nothing": (204, {}, b"", "204 with nothing and no JSON"),
    "another API": (200, {"content-type": "application/json"}, b'{"data": []}', "nothing of the"),
    "no address": (404, {"content-type": "text/html"}, b"<p>", "with its path if it has one"),
    "no entry": (401, {"www-authenticate": "Bearer"}, b"{}", "Fix: set RESONANCE_API_KEY"),
    "no quota": (429, {"retry-after": "3600"}, b"{}", "a limit (429, Retry-After: 3600)"),
    "an outage": (503, {}, b"<p>", "503: the server is out of order"),
    "a failure": (500, {}, b"{}", "the server is out of order (/health 500"),
}


@pytest.mark.parametrize("kind", OBSTACLES)
def test_what_cannot_be_checked_is_told_in_a_sentence(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESONANCE_API_KEY", raising=False)
    status, headers, content, told = OBSTACLES[kind]
    files = [f"--json={tmp_path / 'j'}", f"--junit={tmp_path / 'x'}"]
    with served(lambda url: answering(status, headers, content)) as (url, _):
        assert main(["conform", url, "--lessons", *files]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("resonance: not checked: ")
    assert said.err.count("\n") == 1
    assert told in said.err
    assert "Fix: " in said.err
    why = said.err.removeprefix("resonance: not checked: ").strip()
    assert json.loads((tmp_path / "j").read_text()) == {"not_checked": why, "clauses": []}
    suite = ElementTree.fromstring((tmp_path / "x").read_text())
    assert suite.get("errors") == "1"


@pytest.mark.parametrize(
    ("scheme", "heard", "told"),
    [
        ("http", b"SSH-2.0-x\r\n", "is no HTTP/1.1"),
        ("http", b"", "closes the connection unanswered. Fix: is it https://"),
        ("https", b"HTTP/1.1 400 No\r\n\r\n", "TLS failed at https://"),
        ("http", None, "nothing listens at http://"),
    ],
)
def test_no_answer_is_told_by_its_reason(
    scheme: str, heard: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(heard or b"")

        if heard is None:
            listening.close()
        else:
            threading.Thread(target=answer, daemon=True).start()
        assert main(["conform", url]) == 2
    assert told in capsys.readouterr().err


def test_what_a_key_may_not_do_is_not_held_against_the_server() -> None:
    names = "metrics validation profiles foreign-tenants api-keys client-credentials scopes"

    def make(url: str) -> Any:
        return create_app(Settings(**SETTINGS), url=url)

    with served(make) as (url, app):
        admin = issue_credentials(app)["admin"]["api_key"]
        sent = {"scopes": ["profiles:read"], "tenant": "acme_corp", "name": "reader"}
        made = Prober(url, key=admin, allows=ALL).post("/api_keys", sent).json()
        call = Prober(
            url,
            key=made["key"],
            client=("unknown", "wrong"),
            admin=made["key"],
            tenant="acme_corp",
            allows=ALL,
        )
        assert obstacle(call) is None
        assert obstacle(Prober(url, key=made["key"])).endswith("Fix: name its own with --tenant")
        rows = conform(call, only=lambda clause: clause.name in names.split())
    assert {row.clause.name: row.verdict for row in rows} == dict.fromkeys(
        names.split(), "not shown"
    )


@pytest.mark.parametrize(("behind", "ahead"), [(0, 0), (90, 0), (0, 3600)])
def test_a_server_whose_clock_differs_is_not_accused(behind: int, ahead: int) -> None:
    now = time.time() - behind + ahead
    answer = requests.Response()
    answer.request = requests.Request("GET", "http://host/profiles").prepare()
    answer.headers.update(
        {
            "Date": email.utils.formatdate(now, usegmt=True),
            "RateLimit-Policy": '"minute";q=9;w=60',
            "RateLimit": '"minute";r=8;t=30',
            "X-RateLimit-Limit": "9",
            "X-RateLimit-Remaining": "8",
            "X-RateLimit-Reset": str(int(now) + 30),
        }
    )
    call = SimpleNamespace(get=lambda path: answer)
    (clause,) = [one for one in CLAUSES if one.name == "rate-limit-reset"]
    clause.check(call)
    answer.headers["X-RateLimit-Reset"] = "30"
    with pytest.raises(Broken, match="RateLimit says 30 s"):
        clause.check(call)
