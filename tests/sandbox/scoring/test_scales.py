"""The committed scales are a measurement: deriving them again gives the same file."""

import importlib.util
from pathlib import Path

from resonance_helpers.hrv import NAMES
from resonance_helpers.sandbox.scoring.measures import SCALES

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "scales.py"


def load():
    spec = importlib.util.spec_from_file_location("scales", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_scales_are_those_of_the_passages():
    derived = load().derive()
    assert {name: tuple(ends) for name, ends in derived.items()} == SCALES


def test_every_dimension_has_a_scale_that_rises():
    assert tuple(SCALES) == NAMES
    assert all(low < high for low, high in SCALES.values())


def test_the_passages_are_many_and_of_many_registers():
    passages = load().passages()
    assert len(passages) >= 30
    assert len({head.split(". ", 1)[1].split(",")[0] for head in passages}) >= 20
    assert all(len(text.split()) > 60 for text in passages.values())
