"""The page and the files of a judgement that is made up: what they say, and what they escape."""

from __future__ import annotations

import base64
import json
import signal
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import resonance_judge
from resonance_helpers.cli import judge as cli
from resonance_judge.forgeries import forgeries
from resonance_judge.judgement import Judgement
from resonance_judge.meaning import Effect, meaning
from resonance_judge.observation import Mark, Observation, Request
from resonance_judge.page import page
from resonance_judge.report import as_dict, as_junit
from resonance_judge.scenarios import CALM, Moment, Scenario
from resonance_judge.verdicts import verdicts


def seen(scenario: Scenario, *requests: Request, **told: object) -> Observation:
    found = Observation(scenario, {one.number: one for one in requests}, ended=True, exit_code=0)
    for name, value in told.items():
        setattr(found, name, value)
    return found


def request(number: int, *, key: str | None = "k", does: bool = True, **told: object) -> Request:
    label = 'prompt: <b>"Tides"</b>'
    made = Request(number, number * 1.0, "POST", "/hr_generate", key, ended=number + 0.5)
    made.status, made.meaning, made.label = 200, "m", label
    made.effect = Effect("POST", "/hr_generate", "m", label) if does else None
    for name, value in told.items():
        setattr(made, name, value)
    return made


LOST = Scenario("lost-after", "it is lost", "survives-lost-answers", strike=({"kind": "html"},))
KILLED = Scenario("killed", "SIGKILL", "survives-kill", moment=Moment("effect", 1, "kill"))


def judgement(*troubled: Observation) -> Judgement:
    calm = seen(CALM, request(1, key="k" if troubled else None))
    return Judgement(("x",), 0, tuple(verdicts(calm, troubled)), calm, troubled)


def word(made: Judgement, name: str) -> str:
    (verdict,) = [one for one in made.verdicts if one.promise.name == name]
    return verdict.verdict


def test_a_page_shows_the_guilty_request_and_escapes_what_a_program_sent() -> None:
    twice = seen(LOST, request(1, fault="html"), request(2, key="other"), seconds=3.0)
    made = judgement(twice)
    html = page(made)
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "does-nothing-twice" in html
    assert "✗ 2" in html
    assert "was done twice where 1 was meant, by requests 1 and 2" in html


def test_an_outage_is_a_band_that_ends_with_the_picture() -> None:
    scenario = Scenario("outage", "out", "survives-outage", moment=Moment("request", 1, "outage"))
    out = seen(scenario, request(1), marks=[Mark(0.5, 20.5, "outage")], seconds=3.0)
    assert 'class="band" x="163.4" y="0" width="836.6"' in page(judgement(out))


def test_junit_has_a_case_for_each_promise() -> None:
    twice = seen(LOST, request(1, fault="html"), request(2, label="\x01"))
    suite = ElementTree.fromstring(as_junit(judgement(twice)))
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "1"
    assert suite.findall("testcase/skipped")


def test_json_has_what_was_agreed() -> None:
    told = as_dict(judgement(seen(LOST, request(1, fault="html"))))
    for promise in told["promises"]:
        assert promise.keys() >= {"name", "verdict", "shown_by", "advice"}
        assert promise["verdict"] in ("kept", "broken", "not shown")


def test_a_replay_proves_work_that_a_killed_server_did_not_tell_of() -> None:
    lost = seen(
        KILLED,
        request(1, does=False, status=None),
        request(2, does=False, replayed=True),
        marks=[Mark(1.0, 1.1, "kill")],
    )
    made = judgement(lost)
    assert word(made, "survives-kill") == "kept"
    assert word(made, "does-nothing-twice") == "kept"


def test_a_request_that_was_broken_off_is_not_said_to_be_missing() -> None:
    cut = seen(LOST, request(1, does=False, meaning="", status=None, fault="reset_mid_request"))
    none = seen(LOST, request(1, does=False, meaning="other", fault="html"))
    assert "request 1, which may have been for it, was broken off" in page(judgement(cut))
    assert "no request for it came" in page(judgement(none))


def test_a_second_start_is_not_held_to_what_the_first_was_asked() -> None:
    told = {"does": False, "status": 409, "retry_after": 1.0}
    pair = (request(1, at=1.0, ended=1.1, **told), request(2, at=1.9))
    assert word(judgement(seen(KILLED, *pair)), "waits-as-asked") == "broken"
    killed = seen(KILLED, *pair, marks=[Mark(0.9, 1.2, "kill")])
    assert word(judgement(killed), "waits-as-asked") == "not shown"
    for mark in (Mark(0.2, 0.3, "kill"), Mark(2.5, 2.6, "kill")):  # both came from one start
        assert word(judgement(seen(KILLED, *pair, marks=[mark])), "waits-as-asked") == "broken"


def test_every_forgery_differs_from_the_genuine_event() -> None:
    body = b'{"type":"profile.created","data":{"profile_name":"tide"}}'
    secret = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
    made = {what: (headers, raw) for what, headers, raw in forgeries("msg_1", body, secret)}
    assert len(made) == 11
    told, respelled = made["has the body that was signed, spelled in other bytes"]
    assert json.loads(respelled) == json.loads(body)
    for headers, raw in made.values():
        same = headers.get("webhook-signature") == told["webhook-signature"]
        assert not same or raw != body or headers != told


def test_a_new_key_after_a_look_is_no_retry() -> None:
    look = Request(2, 2.0, "GET", "/hr_generate", ended=2.1, status=200)
    blind = seen(LOST, request(1, does=False, fault="html"), request(3, key="new"))
    looked = seen(LOST, request(1, does=False, fault="html"), look, request(3, key="new"))
    assert word(judgement(blind), "keeps-the-key-for-a-retry") == "broken"
    assert word(judgement(looked), "keeps-the-key-for-a-retry") == "kept"


def test_half_a_surrogate_pair_does_not_lose_a_judgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program may send one, and its name be one that is no text."""
    made = judgement(seen(LOST, request(1, label=meaning(b'{"prompt": "\\ud83d"}', {})[1])))
    made = replace(made, command=("caf\udce9",))
    files = {name: tmp_path / name for name in ("json", "junit", "html")}
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(resonance_judge, "judge", lambda *_, **__: made)
    cli.run(Namespace(command=list(made.command), seed=0, **files))
    told = json.loads(files["json"].read_text("utf-8"))
    assert told["command"] == ["caf\udce9"]
    assert told["scenarios"][1]["requests"][0]["label"] == "prompt: \ud83d"
    assert "prompt: \\ud83d" in files["html"].read_text("utf-8")
    ElementTree.fromstring(files["junit"].read_bytes())


def test_a_body_of_any_depth_has_a_meaning() -> None:
    for depth in (100, 400, 600, 900, 5_000):
        digest, _ = meaning(b"[" * depth + b"]" * depth, {})
        assert digest != meaning(b"[" * (depth + 1) + b"]" * (depth + 1), {})[0]


def test_two_spellings_of_a_body_mean_the_same() -> None:
    one = meaning(b'{"prompt": "a", "seed": 1, "tenant": null}', {})
    assert one == meaning(b'{"seed": 1.0, "prompt": "a"}', {})
    assert one != meaning(b'{"seed": 2, "prompt": "a"}', {})
    here = b'{"url": "http://127.0.0.1:%d/hook", "secret": "%s"}'
    assert meaning(here % (1, b"a"), {}) == meaning(here % (2, b"b"), {})


def test_a_token_that_came_slowly_is_a_token_all_the_same() -> None:
    asked = Request(2, 2.0, "POST", "/oauth/token", ended=8.0, status=200)
    calm = seen(CALM, request(1), asked)
    (found,) = [v for v in verdicts(calm, ()) if v.promise.name == "reuses-its-token"]
    assert found.verdict == "kept"
    twice = seen(CALM, request(1), *(Request(n, n, "POST", "/oauth/token", ended=n, status=200)
                                     for n in (2, 3)))  # fmt: skip
    (found,) = [v for v in verdicts(twice, ()) if v.promise.name == "reuses-its-token"]
    assert found.verdict == "broken"
    assert "requests 2 and 3" in found.shown_by
