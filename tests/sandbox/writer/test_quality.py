"""The figures of `benchmarks/quality.py` at small size. All are deterministic."""

import pytest

from benchmarks import quality
from resonance_sandbox.hrv import DIMENSIONS

PROMPTS = quality.PROMPTS[:6]


@pytest.fixture(scope="module")
def articles() -> dict[str, list[str]]:
    return {
        name: [quality.write(prompt, target) for prompt in PROMPTS]
        for name, target in quality.profiles().items()
    }


def test_articles_reach_their_profiles_and_no_other_does(articles: dict[str, list[str]]) -> None:
    result = quality.by_profile(articles, PROMPTS)
    assert [goal for goal in result.goals if not goal.met] == []
    for _, mean, _, unsteered, others in result.rows:
        assert mean > unsteered + 0.1
        assert mean > others + 0.1


def test_random_feasible_vectors_are_reached() -> None:
    result = quality.any_vector(20, PROMPTS)
    assert all(goal.met for goal in result.goals)
    assert result.rows[0][2] > 0.75, "the worst of them"


def test_articles_of_few_sentences_come_as_near_as_they_can() -> None:
    result = quality.short(PROMPTS[:2], [400])
    [goal] = result.goals
    assert goal.met
    [(_, _, mean, _, unsteered)] = result.rows
    assert mean > unsteered + 0.1


def test_every_slider_moves_its_measure() -> None:
    result = quality.sliders(PROMPTS[:2])
    assert [row[0] for row in result.rows] == [dimension.name for dimension in DIMENSIONS]
    assert all(goal.met for goal in result.goals)


def test_what_is_measured_can_be_believed(articles: dict[str, list[str]]) -> None:
    figures = dict(quality.belief(articles).rows)
    assert figures["rank correlation of valence with another lexicon"] > 0.5
    assert figures["sentences that stand twice in one article"] == 0
    assert figures["sentences that another article also has"] < 0.15


def test_the_rank_correlation_itself() -> None:
    assert quality.spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert quality.spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert quality.spearman([1, 1, 2], [5, 5, 9]) == pytest.approx(1)


def test_a_classifier_tells_a_story_from_a_paper(articles: dict[str, list[str]]) -> None:
    accuracy = quality.name_the_profile(articles)
    assert accuracy["creative_storytelling", "technical_academic"] >= 0.8
