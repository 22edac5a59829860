"""The helpers of lesson 7: forgeries, the search for secrets, the gauge and the log-in panel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import resonance_sandbox as sandbox
from resonance_helpers import OAuth2ClientCredentials, Secret
from resonance_helpers.client.auth import HeadlessBrowser, read_jwt
from resonance_helpers.client.transport.answer import Answer
from resonance_helpers.lesson import auth as access
from resonance_helpers.lesson.connect import LessonClient
from resonance_helpers.lesson.widgets.auth import LogInPanel, RateGauge

KEY = "ros_sandbox_0a1b2c3d4e5f_" + "k" * 49


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(still=True, burst=5) as running:
        yield running


@pytest.fixture
def token(api: LessonClient) -> Secret:
    acme = api.sandbox.credentials["acme_corp"]  # type: ignore[union-attr]
    auth = OAuth2ClientCredentials(
        f"{api.base_url}/oauth/token", acme["client_id"], acme["client_secret"]
    )
    requests.get(f"{api.base_url}/profiles", auth=auth, timeout=10)
    assert auth.token is not None
    return auth.token.access


# --- forgeries -----------------------------------------------------------------------------------


def test_only_the_token_as_issued_is_taken(server: sandbox.Sandbox) -> None:
    with sandbox.start() as roomy:
        acme = roomy.credentials["acme_corp"]
        sold = requests.post(
            f"{roomy.url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(acme["client_id"], acme["client_secret"]),
            timeout=10,
        ).json()
        tried = access.try_forgeries(f"{roomy.url}/profiles", sold["access_token"])
    assert [one.status for one in tried] == [200] + [401] * 6
    assert tried[0].detail == ""
    assert all(one.detail for one in tried[1:])
    picture = access.forgery_map(tried)
    lines = str(picture).splitlines()
    assert lines[0].endswith("200 accepted")
    assert lines[1].split() == ["another", "tenant", "header", ".", "[claims]", ".", "signature",
                                "401", "refused"]  # fmt: skip
    assert picture.png().startswith(b"\x89PNG")
    assert "the server took 1" in picture.alt


def test_each_forgery_changes_what_it_says(token: Secret) -> None:
    made = {one.name: one for one in access.forgeries(token, tenant="globex")}
    assert made.pop("as issued").token == token
    assert all(one.changed for one in made.values())
    assert len({one.token for one in made.values()}) == len(made)
    header, claims = read_jwt(made["another tenant"].token)
    assert (header["alg"], claims["tenant"]) == ("RS256", "globex")
    assert read_jwt(made["algorithm: none"].token)[0]["alg"] == "none"
    assert token.reveal() not in repr(list(made.values()))


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c", "e30.e30", "!!.e30.x", "W10.e30.x", "e30.W10.x", "é.e30.x"]
)
def test_what_is_no_jwt_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="JWT"):
        read_jwt(text)


# --- the search for secrets ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"key = '{KEY}'", "API key"),
        (f"Authorization: Bearer {KEY}", "API key"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0AAAA.c2lnbmF0dXJl", "JWT"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signing secret"),
        ("Authorization: Bearer 0123456789abcdef0123", "Bearer header"),
        ("http://me:hunter2@proxy.example.com:8080", "password in a URL"),
    ],
)
def test_a_secret_is_found_and_not_repeated(text: str, kind: str) -> None:
    found = access.find_secrets(f"nothing here\n{text}\n")
    assert found == [f"line 2: {kind}"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Secret('****')",
        "Authorization: Bearer ****",
        "http://localhost:8000/profiles",
        'Bearer realm="resonanceos", error="invalid_token"',
        "ros_sandbox_0a1b",
        "whsec_",
    ],
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    assert access.find_secrets(text) == []


def test_a_notebook_is_searched_cell_by_cell(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["nothing"]},
        {"cell_type": "code", "source": ["key = (\n", f"'{KEY}')"], "outputs": []},
        {
            "cell_type": "code",
            "source": "key",
            "outputs": [
                {"output_type": "stream", "text": [f"{KEY}\n"]},
                {"output_type": "error", "traceback": [f"ValueError: {KEY}"]},
            ],
        },
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    found = ["cell 2, source: API key", "cell 3, output: API key", "cell 3, output: API key"]
    assert access.find_secrets(path) == found


def test_no_lesson_holds_a_secret() -> None:
    from resonance_helpers.lesson.manifest import NOTEBOOKS, available

    for lesson in available():
        assert access.find_secrets(NOTEBOOKS / lesson.filename) == []


# --- the gauge -----------------------------------------------------------------------------------


def test_the_gauge_falls_and_who_does_not_obey_is_refused(api: LessonClient) -> None:
    gauge = RateGauge(api, count=30)
    seen: list[int] = []
    gauge.gauge.observe(lambda change: seen.append(change["new"]), "value")
    gauge.button.click()
    assert gauge.sent == 30
    assert gauge.refused > 0
    assert gauge.waited == 0
    assert gauge.gauge.max == 5
    assert min(seen) == 0
    assert gauge.number.value.endswith("of 5")
    assert f"{gauge.refused} refused with 429" in gauge.news
    assert f"30 requests, {gauge.refused} refused with 429" in gauge.view.value


def test_the_picture_has_a_mark_for_each_answer(api: LessonClient) -> None:
    left = [4, 2, 1, 0, 0, 0, 5]
    answers = [
        Answer(
            {"response_code": 429} if place in (4, 5) else {},
            headers={"RateLimit-Policy": '"burst";q=6;w=1', "RateLimit": f'"burst";r={n};t=1'},
        )
        for place, n in enumerate(left)
    ]
    picture = access.requests_left(answers)
    drawn = {line.get_label(): list(line.get_xydata()) for line in picture.figure.axes[0].lines}
    assert [list(one) for one in drawn["answered"]] == [[1, 4], [2, 2], [3, 1], [4, 0], [7, 5]]
    assert [list(one) for one in drawn["refused with 429"]] == [[5, 0], [6, 0]]
    assert picture.alt == (
        "7 requests, 2 refused with 429: how many were left after each, of 6 at most."
    )
    assert RateGauge(api, answers=answers)._still()[1]["image/png"]["alt"] == picture.alt
    access.requests_left([]).png()


def test_who_obeys_is_not_refused(api: LessonClient) -> None:
    gauge = RateGauge(api, count=12)
    gauge.obey.value = True
    gauge.button.click()
    assert (gauge.sent, gauge.refused) == (12, 0)
    assert gauge.waited >= 2
    assert gauge.button.disabled is False


def test_a_server_that_is_gone_is_told(server: sandbox.Sandbox) -> None:
    client = LessonClient("http://127.0.0.1:9")
    gauge = RateGauge(client)
    gauge.button.click()
    assert "The call failed: No connection" in gauge.news


# --- the panel -----------------------------------------------------------------------------------


def link_of(panel: LogInPanel) -> str:
    from html import unescape

    return unescape(panel.link.value.partition('href="')[2].partition('"')[0])


@pytest.mark.parametrize("button", ["Allow", "Deny"])
def test_a_person_logs_in_by_the_link(api: LessonClient, button: str) -> None:
    panel = LogInPanel(api)
    acme = api.sandbox.credentials["acme_corp"]  # type: ignore[union-attr]
    waiting = panel.start()
    while not link_of(panel):
        waiting.join(0.01)
    assert panel.start() is waiting  # a second press changes nothing
    assert "resonance-busy" not in panel._dom_classes  # the password can be shown meanwhile
    panel.peek.value = True
    left = []  # what an early press would meet
    panel.observe(lambda _: left.append((panel.link.value, panel.peek.value)), "status")
    HeadlessBrowser(acme["username"], acme["password"], button=button)(link_of(panel))
    waiting.join(20)
    assert not waiting.is_alive()
    assert left == [("", False)]
    assert not panel.secret.value
    if button == "Deny":
        assert panel.auth is None
        assert panel.news.startswith("You are not logged in: The log-in was refused: access_denied")
        return
    assert panel.news == "Logged in, with the scope generate profiles:read."
    assert "4. code, state" in panel.view.value
    assert "6. access token: generate profiles:read, and a refresh token" in panel.view.value
    earlier = LogInPanel(api, token=panel.auth.token)
    assert earlier._still()[1]["image/png"]["alt"].startswith("A log-in in 6 steps.")
    secrets = (panel.auth.token.access.reveal(), acme["password"])
    assert not any(secret in earlier.view.value for secret in secrets)
    count = requests.get(f"{api.base_url}/profiles", auth=panel.auth, timeout=10).json()["count"]
    assert count > 0


def test_a_server_that_goes_while_it_waits_is_told_by_another_press() -> None:
    with sandbox.start(still=True) as server:
        client = LessonClient(server.url)
        client.sandbox = server
        panel = LogInPanel(client)
        waiting = panel.start()
        while not link_of(panel):
            waiting.join(0.01)
        link = link_of(panel)
        panel.start()
        assert (panel.status, link_of(panel)) == ("busy", link)
    panel.start()
    assert panel.status == "failed"
    assert panel.news.endswith("Run the set-up cell, then this one.")
    assert not panel.link.value


def test_the_password_stands_in_the_widget_only_while_asked_for(api: LessonClient) -> None:
    panel = LogInPanel(api)
    password = api.sandbox.credentials["acme_corp"]["password"]  # type: ignore[union-attr]
    assert password not in repr(panel)
    panel.peek.value = True
    assert password in panel.secret.value
    panel.peek.value = False
    assert panel.secret.value == ""


def test_another_server_has_no_demo_user() -> None:
    panel = LogInPanel(LessonClient("http://127.0.0.1:9"))
    assert panel.button.disabled
    assert "no demo user" in panel.news
