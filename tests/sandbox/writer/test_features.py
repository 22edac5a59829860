"""Estimates are only as good as they are near to what the scorer measures."""

import random

import pytest

from resonance_sandbox.hrv import HRVVector
from resonance_sandbox.scoring import counts_of, cues_of, scaled
from resonance_sandbox.writer.cast import cast_for
from resonance_sandbox.writer.domains import Domain, domains
from resonance_sandbox.writer.features import Lexis, features_of
from resonance_sandbox.writer.grammar import frames, realise
from resonance_sandbox.writer.search import Distance


@pytest.mark.parametrize("domain", domains(), ids=lambda domain: domain.name)
def test_an_estimate_is_near_the_measure_of_the_written_sentence(domain: Domain) -> None:
    fillers = cast_for(domain, random.Random(1)).fillers(0, 0)
    lexis = Lexis("night trains", fillers)
    exact = close = 0
    for frame in (frame for members in frames().values() for frame in members):
        variant = frame.variant(0)
        estimated = lexis.estimate(variant)
        written = features_of(
            cues_of(realise(variant.text, "night trains", True, fillers)).counts,
            named=variant.mentions > 0,
        )
        assert estimated.named == written.named
        exact += estimated.words == written.words
        close += abs(estimated.felt / estimated.words - written.felt / written.words) < 0.2
    total = sum(map(len, frames().values()))
    assert exact / total > 0.97
    assert close / total > 0.9


def test_the_searchs_distance_is_zero_where_the_scorer_says_on_target() -> None:
    texts = [
        "She told him that it was late.",
        "Why is the plan certainly a good one?",
        "It was shut.",
    ]
    found = [cues_of(text) for text in texts]
    target = HRVVector(scaled(counts_of(found)))
    sums = [
        sum(column)
        for column in zip(*(features_of(c.counts, named=True) for c in found), strict=True)
    ]
    assert Distance(target)(len(texts), sums) == pytest.approx(0, abs=1e-9)
    assert Distance(HRVVector([1 - v for v in target]))(len(texts), sums) > 0.1
