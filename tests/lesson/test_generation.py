"""Reading an answer: its parts, its gaps, its dials and its evidence, against a real sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ResonanceError, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.lesson import generation
from resonance_sandbox.hrv import NAMES, HRVVector


@pytest.fixture(scope="module")
def api() -> Iterator[ResonanceOSAPIClient]:
    with sandbox.start() as server:
        yield ResonanceOSAPIClient(server.url)


@pytest.fixture(scope="module")
def answer(api: ResonanceOSAPIClient) -> dict[str, Any]:
    return api.generate_content("Electric bicycles")


@pytest.fixture(scope="module")
def failure() -> dict[str, Any]:
    away = ResonanceOSAPIClient("http://localhost:9", retry=RetryPolicy(max_attempts=1))
    return away.generate_content("Electric bicycles")


def test_anatomy_has_a_row_and_a_meaning_for_every_part(answer: dict[str, Any]) -> None:
    frame = generation.anatomy(answer)
    assert set(frame.index) == set(answer)
    assert list(frame.index) == [name for name in generation.PARTS if name in answer]
    assert (frame["holds"] != "").all()
    assert frame.loc["hrv_vector", "type"] == "8 x number"
    assert frame.loc["article", "type"] == "string"
    assert frame.loc["warnings", "type"] == "array of 0"


def test_a_part_that_is_new_in_the_api_is_shown_all_the_same(answer: dict[str, Any]) -> None:
    frame = generation.anatomy({**answer, "mood": None, "draft": {"a": 1}, "kept": True})
    assert list(frame.index)[-3:] == ["mood", "draft", "kept"]
    assert list(frame["type"])[-3:] == ["null", "object", "boolean"]


def test_the_gaps_make_up_the_feedback_of_the_server(answer: dict[str, Any]) -> None:
    frame = generation.against_target(answer)
    assert list(frame.index) == list(NAMES)
    assert 1 - frame["gap"].mean() == pytest.approx(answer["hrv_feedback"], abs=1e-5)


def test_reading_keeps_every_word(answer: dict[str, Any]) -> None:
    reading = generation.read(answer)
    assert repr(reading).split() == answer["article"].split()
    assert max(map(len, repr(reading).splitlines())) <= 90
    assert reading._repr_html_().count("<p>") == len(answer["paragraphs"])


def test_reading_shows_markup_as_text() -> None:
    html = generation.ArticleView("a <b> c\n\n<script>x</script>")._repr_html_()
    assert "<script" not in html
    assert "a &lt;b&gt; c" in html


@pytest.mark.parametrize(
    ("article", "expected"),
    [
        ("One. Two.", "One."),
        ("Why? Because.", "Why?"),
        ("no stop at all", "no stop at all"),
        ("word " * 30, "word word word word word word word word word …"),
        ("", ""),
    ],
)
def test_first_sentence(article: str, expected: str) -> None:
    assert generation.first_sentence(article) == expected
    assert len(generation.first_sentence(article)) <= 48


class TestSweep:
    def test_one_row_for_each_value_in_order(self, api: ResonanceOSAPIClient) -> None:
        frame = generation.sweep(api, "Electric bicycles", "paragraphs", [3, 1])
        assert list(frame.index) == [3, 1]
        assert frame.index.name == "paragraphs"
        assert list(frame.columns) == ["characters", "feedback", "begins"]
        assert frame["characters"].iloc[0] > frame["characters"].iloc[1]

    def test_all_else_stays_equal(self, api: ResonanceOSAPIClient) -> None:
        frame = generation.sweep(api, "Electric bicycles", "seed", [1, 2, 1], paragraphs=1)
        assert (frame["paragraphs"] == 1).all()
        assert frame.iloc[0].equals(frame.iloc[2])
        assert not frame.iloc[0].equals(frame.iloc[1])

    def test_length_is_bounded(self, api: ResonanceOSAPIClient) -> None:
        frame = generation.sweep(api, "Electric bicycles", "max_length", [300, 900])
        assert (frame["characters"] <= frame.index).all()

    def test_a_value_that_is_refused_raises_the_reason(self, api: ResonanceOSAPIClient) -> None:
        with pytest.raises(ResonanceError, match="paragraphs"):
            generation.sweep(api, "Electric bicycles", "paragraphs", [1, 99])


def test_evidence_shows_the_words_that_were_counted(api: ResonanceOSAPIClient) -> None:
    measured = api.measure_text("Perhaps it might work. Why did nobody ask? The door was opened.")
    frame = generation.evidence(measured)
    assert list(frame.index) == list(NAMES)
    assert "perhaps" in frame.loc["assertiveness_index", "found"]
    assert "Why did nobody ask?" in frame.loc["curiosity_index", "found"]
    assert "was opened" in frame.loc["active_voice_ratio", "found"]
    assert frame["value"].tolist() == [round(v, 2) for v in HRVVector(measured["hrv_vector"])]
    assert re.search(r"hedges 2", frame.loc["assertiveness_index", "counts"])
    assert re.search(r"sentences 3, words 12", frame.loc["sentence_variance", "counts"])
    # pandas cuts what is longer, and here the numbers are the point.
    assert frame["counts"].str.len().max() <= 50


def test_evidence_of_an_empty_find_is_empty(api: ResonanceOSAPIClient) -> None:
    frame = generation.evidence(api.measure_text("Stones."))
    assert frame.loc["metaphor_density", "found"] == ""


@pytest.mark.parametrize("reader", ["against_target", "radar", "read", "evidence"])
def test_a_failed_answer_raises_its_own_reason(failure: dict[str, Any], reader: str) -> None:
    with pytest.raises(ResonanceError, match="No connection"):
        getattr(generation, reader)(failure)


def test_radar_is_titled_by_its_profile(answer: dict[str, Any]) -> None:
    assert generation.radar(answer).text.startswith("neutral_professional: feedback 0.")
