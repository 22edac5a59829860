"""Each dimension moves with what it claims to measure, and with nothing absurd."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from resonance_sandbox.hrv import DIMENSIONS, NAMES
from resonance_sandbox.scoring import counts_of, cues_of, measure, scaled
from resonance_sandbox.scoring.affect import compound
from resonance_sandbox.scoring.measures import MEASURES, raw_statistics
from resonance_sandbox.scoring.text import sentences

PLAIN = (
    "The committee reads the plan on Monday. The printer stands near the window and the paper "
    "lies in the drawer. Two people work there. They keep the list in a folder."
)
VADER = SentimentIntensityAnalyzer()


def value(text: str, name: str) -> float:
    return measure(text).vector.as_dict()[name]


def raw(text: str, name: str) -> float:
    counts = counts_of([cues_of(sentence) for sentence in sentences(text)])
    return raw_statistics(counts)[NAMES.index(name)]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("emotional_valence", "What a wonderful, happy success!"),
        ("emotional_intensity", "It was a terrible, horrible disaster."),
        ("emotional_intensity", "It was a wonderful, glorious triumph."),
        ("assertiveness_index", "This is certainly and undoubtedly true."),
        ("curiosity_index", "Why is the drawer locked?"),
        ("curiosity_index", "Imagine an empty office."),
        ("curiosity_index", "The lock remains a mystery."),
        ("metaphor_density", "The office is a beehive, and the plan is a bridge."),
        ("metaphor_density", "The list grew like a weed."),
        ("metaphor_density", "The chair was as cold as a stone."),
        ("metaphor_density", "The meeting opened the gates of reform."),
        ("storytelling_index", "Then she laughed, and he told her what he had seen."),
        ("sentence_variance", "It " + "and it " * 40 + "ends."),
    ],
)
def test_a_sentence_raises_the_dimension_it_shows(name: str, more: str) -> None:
    assert raw(f"{PLAIN} {more}", name) > raw(PLAIN, name)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("emotional_valence", "It was a terrible, horrible disaster."),
        ("assertiveness_index", "Perhaps it might possibly help."),
        ("active_voice_ratio", "The folder was opened by a clerk."),
        ("active_voice_ratio", "The list had never been checked."),
        ("active_voice_ratio", "Several people got fired."),
    ],
)
def test_a_sentence_lowers_the_dimension_it_shows(name: str, more: str) -> None:
    assert raw(f"{PLAIN} {more}", name) < raw(PLAIN, name)


@pytest.mark.parametrize(
    ("sentence", "kind", "found"),
    [
        ("I would like a cup of tea.", "figures", ()),
        ("She runs like the wind.", "figures", ("like the wind",)),
        ("It came as soon as the rain did.", "figures", ()),
        ("He was tired and worried.", "passives", ()),
        ("She is interested in the topic.", "passives", ()),
        ("The door was quickly closed.", "passives", ("was quickly closed",)),
        ("Why was it told?", "passives", ("was it told",)),
        ("They have been told.", "passives", ("been told",)),
        ("See example.org/search?q=tea for more.", "curiosity", ()),
        ("A hundred people need the seed.", "narrative", ()),
        ("The walls are painted.", "narrative", ()),
        ("They painted the walls.", "narrative", ("they", "painted")),
        ("It may be sort of late.", "hedges", ("may", "sort of")),
        ("There is no doubt that it must stop.", "boosters", ("no doubt", "must")),
    ],
)
def test_what_is_counted(sentence: str, kind: str, found: tuple[str, ...]) -> None:
    assert cues_of(sentence).found[kind] == found


def test_numbers_that_can_be_checked_by_hand() -> None:
    text = "She ran. The gate was closed by the old man. Why?"
    assert raw(text, "active_voice_ratio") == pytest.approx(2 / 3)
    assert raw(text, "curiosity_index") == pytest.approx(1 / 3)
    mean = (2 + 8 + 1) / 3
    spread = math.sqrt(((2 - mean) ** 2 + (8 - mean) ** 2 + (1 - mean) ** 2) / 3)
    assert raw(text, "sentence_variance") == pytest.approx(spread / mean)
    # she, ran, was
    assert raw(text, "storytelling_index") == pytest.approx(100 * 3 / 11)


def test_equal_sentences_have_no_variance_and_one_has_none() -> None:
    assert raw("One two three. Four five six. Seven eight nine.", "sentence_variance") == 0
    assert raw("Only this one.", "sentence_variance") == 0


@pytest.mark.parametrize("text", ["", "   ", "word", "🚀🚀", "…", "?!", "\ud800", "日本語", "\x00"])
def test_next_to_nothing_is_measured_too(text: str) -> None:
    assert_in_range(text)


@pytest.mark.parametrize(
    "unit",
    [
        "Good but bad. ",
        "a",
        "日本。",
        *(
            pytest.param(unit, marks=pytest.mark.soak)
            for unit in ("word ", "?! ", '"', "Mr. ", "a.b", "\n", "e.g. 1. ", "-'", "😀")
        ),
    ],
)
def test_a_megabyte_of_anything_is_measured(unit: str) -> None:
    assert_in_range(unit * (1_000_000 // len(unit)))


@given(st.text(max_size=400))
def test_any_text_is_measured_and_its_evidence_goes_into_json(text: str) -> None:
    assert_in_range(text)


@given(st.lists(st.sampled_from([*PLAIN.split(), "Why?", "great", "was", "told", "never."])))
def test_a_texts_counts_are_the_sums_of_its_sentences(picked: list[str]) -> None:
    text = " ".join(picked)
    counts = counts_of([cues_of(sentence) for sentence in sentences(text)])
    assert tuple(measure(text).vector) == scaled(counts)


@given(
    st.text(alphabet=st.sampled_from("good bad BUT not :) love!?.,'kindofhate very "), max_size=80)
)
def test_the_shortcut_past_vader_says_what_vader_says(text: str) -> None:
    assert compound(text) == VADER.polarity_scores(text)["compound"]


def test_the_evidence_names_method_source_scale_and_words() -> None:
    evidence = measure("Why was it told? She was happy, certainly. It is like a river.").evidence
    assert tuple(evidence) == NAMES
    for name, entry in evidence.items():
        assert set(entry) == {"value", "raw", "scale", "method", "source", "counts", "found"}, name
        assert entry["found"], name
        assert entry["counts"], name
    assert evidence["curiosity_index"]["found"] == ["Why was it told?"]
    assert "+ certainly" in evidence["assertiveness_index"]["found"]
    assert evidence["metaphor_density"]["found"] == ["like a river"]


def test_long_evidence_is_capped_and_its_counts_are_not() -> None:
    entry = measure("The door was closed. " * 100).evidence["active_voice_ratio"]
    assert len(entry["found"]) == 40
    assert entry["counts"]["passive_sentences"] == 100


def test_every_method_has_a_source_in_its_docstring() -> None:
    assert tuple(m.name for m in MEASURES) == NAMES
    for chosen in MEASURES:
        assert "(" in chosen.source
        assert chosen.raw.__doc__
        assert re.search(r"\((?:18|19|20)\d\d\)", chosen.raw.__doc__)


def assert_in_range(text: str) -> None:
    measurement = measure(text)
    for dimension, number in zip(DIMENSIONS, measurement.vector, strict=True):
        assert math.isfinite(number)
        assert dimension.low <= number <= dimension.high
    json.dumps(measurement.evidence, allow_nan=False)
