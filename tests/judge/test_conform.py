"""The contract's clauses: all kept by the sandbox, broken by a copy of it that deviates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.judged.plain_server import app as plain
from resonance_helpers.cli.conform import NEEDS
from resonance_helpers.cli.main import main
from resonance_helpers.lesson.manifest import CAPSTONE, LESSONS
from resonance_judge.conform import CLAUSES, Clause, Need, Prober, Row, conform
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
            url,
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


STRANGE = {
    "nested": ({}, b"[" * 100_000),
    "a list": ({}, b"[]"),
    "large numbers": ({}, b'{"status": ' + b"9" * 5_000 + b"}"),
    "no gzip": ({b"content-encoding": b"gzip"}, b"\x1f\x8bnone"),
    "null": ({b"content-type": b"application/problem+json"}, b"null"),
    "limits": ({b"ratelimit": b'"a";r=1', b"x-ratelimit-reset": b"9" * 5_000}, b"{}"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_whatever_a_server_answers_there_is_a_list(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_judge.conform.webhooks.PATIENCE", 0.1)
    headers, content = STRANGE[kind]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        sent = {b"content-type": b"application/json", **headers}.items()
        await send({"type": "http.response.start", "status": 200, "headers": list(sent)})
        await send({"type": "http.response.body", "body": content})

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
