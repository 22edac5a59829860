"""Profiles: a table, a map, and one prompt in several, against a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ResonanceError, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.lesson import profiles
from resonance_sandbox.hrv import HRVVector

NAMES = ["neutral_professional", "creative_storytelling", "technical_academic"]


@pytest.fixture(scope="module")
def api() -> Iterator[ResonanceOSAPIClient]:
    with sandbox.start() as server:
        yield ResonanceOSAPIClient(server.url)


@pytest.fixture(scope="module")
def comparison(api: ResonanceOSAPIClient) -> profiles.Comparison:
    return profiles.side_by_side(api, "Night trains", NAMES, paragraphs=2)


def test_table_says_whose_each_profile_is(api: ResonanceOSAPIClient) -> None:
    frame = profiles.table(api.get_profiles("demo_tenant"))
    assert frame.loc["technical_academic", "belongs to"] == "everyone"
    assert frame.loc["travel_blog", "belongs to"] == "demo_tenant"
    assert (frame["description"] != "").all()


def test_vectors_know_their_dimensions(api: ResonanceOSAPIClient) -> None:
    vectors = profiles.vectors(api.get_profiles())
    assert vectors["technical_academic"].emotional_valence == -0.2
    assert all(isinstance(vector, HRVVector) for vector in vectors.values())


def test_chart_has_a_row_for_each_profile(api: ResonanceOSAPIClient) -> None:
    listed = api.get_profiles()
    text = profiles.chart(listed).text
    for profile in listed["profiles"]:
        assert profile["profile_name"] in text


def test_side_by_side_asks_once_for_each_name(comparison: profiles.Comparison) -> None:
    assert list(comparison.answers) == NAMES
    for name, answer in comparison.answers.items():
        assert answer["profile_name"] == name
        assert len(answer["paragraphs"]) == 2
    assert list(comparison.frame.index) == NAMES
    assert comparison.frame["feedback"].between(0, 1).all()


def test_the_diagonal_of_the_cross_feedback_is_each_article_s_own(
    comparison: profiles.Comparison,
) -> None:
    cross = comparison.cross_feedback
    for name, answer in comparison.answers.items():
        assert cross.loc[name, name] == pytest.approx(answer["hrv_feedback"], abs=0.006)


def test_each_article_fits_its_own_profile_best(comparison: profiles.Comparison) -> None:
    cross = comparison.cross_feedback
    assert list(cross.idxmax(axis="columns")) == NAMES


def test_radars_are_titled_by_profile(comparison: profiles.Comparison) -> None:
    text = comparison.radars().text
    assert all(f"{name}: feedback" in text for name in NAMES)


def test_an_unknown_profile_raises_when_it_is_read(api: ResonanceOSAPIClient) -> None:
    comparison = profiles.side_by_side(api, "Night trains", ["no_such_profile"])
    assert comparison.answers["no_such_profile"]["response_code"] == 404
    with pytest.raises(ResonanceError, match="profile"):
        _ = comparison.frame


def test_a_failed_answer_raises_its_own_reason() -> None:
    away = ResonanceOSAPIClient("http://localhost:9", retry=RetryPolicy(max_attempts=1))
    for reader in (profiles.table, profiles.vectors, profiles.chart):
        with pytest.raises(ResonanceError, match="No connection"):
            reader(away.get_profiles())
