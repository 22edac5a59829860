"""The committed scales are a measurement: deriving them again gives the same file."""

from benchmarks import scales
from resonance_sandbox.hrv import NAMES
from resonance_sandbox.scoring.measures import SCALES


def test_the_committed_scales_are_those_of_the_passages() -> None:
    assert {name: tuple(ends) for name, ends in scales.derive().items()} == SCALES


def test_every_dimension_has_a_scale_that_rises() -> None:
    assert tuple(SCALES) == NAMES
    assert all(low < high for low, high in SCALES.values())


def test_the_passages_are_many_and_of_many_registers() -> None:
    passages = scales.passages()
    assert len(passages) >= 30
    assert len({head.split(". ", 1)[1].split(",")[0] for head in passages}) >= 20
    assert all(len(text.split()) > 60 for text in passages.values())
