"""The helpers of lesson 5: what is known after an error, the map, the race, and the dial."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import resonance_sandbox as sandbox
from resonance_helpers.client import errors
from resonance_helpers.lesson import errors as resilience
from resonance_helpers.lesson.connect import LessonClient
from resonance_helpers.lesson.errors import Score
from resonance_helpers.lesson.widgets.errors import FaultDial

FEW = resilience.PROMPTS[:6]


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(still=True, rate_limit=10**9, burst=10**9) as running:
        yield running


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (errors.NameNotResolvedError("x"), "not sent"),
        (errors.ConnectTimeoutError("x"), "not sent"),
        (errors.ConnectionLostError("x"), "outcome unknown"),
        (errors.MalformedJSONError("x"), "outcome unknown"),
        (errors.GatewayTimeoutError("x"), "outcome unknown"),
        (errors.UnavailableError("x"), "refused"),
        (errors.RateLimitedError("x"), "refused"),
        (errors.ValidationError("x"), "refused"),
    ],
)
def test_what_is_known_after_an_error(error: errors.ResonanceError, known: str) -> None:
    assert resilience.verdict(error) == known


def test_a_table_of_failures(api: LessonClient) -> None:
    frame = resilience.table(
        {
            "empty": api.generate_content(""),
            "nobody": LessonClient("http://127.0.0.1:9", retry=None).health_check(),
        }
    )
    assert frame.loc["empty"].to_dict() == {
        "code": "422",
        "type": "validation-failed",
        "category": "validation",
        "known": "refused",
        "retryable": False,
    }
    assert frame.loc["nobody", ["code", "known"]].to_list() == ["none", "not sent"]


def test_each_journey_ends_where_it_was_broken(api: LessonClient) -> None:
    found = resilience.journeys(api)
    assert [(journey.known, journey.done) for journey in found] == [
        ("not sent", 0),
        ("refused", 0),
        ("outcome unknown", 0),
        ("outcome unknown", 1),
        ("outcome unknown", 1),
    ]
    assert found[2].type == found[3].type, "no client can tell these two apart"
    picture = resilience.map_of(found)
    assert all(journey.name in str(picture) for journey in found)
    assert "outcome unknown, 1 done" in picture.alt


def test_without_trouble_all_three_clients_are_equal(api: LessonClient) -> None:
    *_, scores = resilience.race(api, 0, FEW)
    assert set(scores.values()) == {Score(calls=6, answered=6)}


def test_in_trouble_they_are_not(api: LessonClient) -> None:
    steps = list(resilience.race(api, 0.5))
    assert [scores["ours"].calls for scores in steps] == list(range(1, 25))
    naive, blind, ours = steps[-1].values()
    assert naive.answered < 24
    assert naive.lost > 0
    assert naive.twice == 0
    assert blind.twice > 0
    assert (ours.answered, ours.lost, ours.twice) == (24, 0, 0)
    assert api.sandbox is not None
    assert api.sandbox.faults.list() == []


def test_the_same_race_twice_has_the_same_scores(api: LessonClient) -> None:
    first, second = (list(resilience.race(api, 0.4, FEW)) for _ in range(2))
    assert first == second


def test_a_score_counts_what_happened_not_what_was_told() -> None:
    score = Score().after(True, 1, 0.1).after(False, 1, 0.1).after(False, 0, 0.1).after(True, 3, 0)
    assert score == Score(calls=4, answered=2, lost=1, twice=2)


def test_the_scoreboard_says_its_numbers_in_words() -> None:
    picture = resilience.scoreboard({"ours": Score(10, 9, 1, 2)}, "A title")
    assert str(picture).splitlines()[-1].split() == ["ours", "10", "9", "1", "2"]
    assert "9 of 10 answered, 1 lost, 2 written again" in picture.alt


def test_the_dial_runs_and_tells(api: LessonClient) -> None:
    dial = FaultDial(api, FEW)
    assert repr(dial) == "FaultDial: Set the dial, then press Run."
    dial.rate.value = 40
    dial.button.click()
    assert "6 prompts at 40% faults. Ours: 6 answered" in dial.news
    assert dial.status == "done"
    assert dial.scores["ours"].answered == 6
    assert "<svg" in dial.view.value
    assert "Counts so far" in dial.table.value
    assert not dial.button.disabled


def test_the_dial_is_off_on_another_server(server: sandbox.Sandbox) -> None:
    dial = FaultDial(LessonClient(server.url))
    assert dial.rate.disabled
    assert dial.button.disabled
    assert "not the sandbox" in dial.news
    dial.run()
    assert dial.scores == {}


def test_a_dial_whose_sandbox_is_gone_says_so() -> None:
    with sandbox.start(still=True) as gone:
        client = LessonClient(gone.url)
        client.sandbox = gone
        dial = FaultDial(client, FEW)
    dial.run()
    assert dial.news.startswith("The call failed: No connection to ")
    assert dial.news.endswith(" (Connection refused). Run the set-up cell, then this one.")
    assert dial.status == "failed"
    assert not dial.button.disabled
