"""Counts into the eight dimensions: the formula of each, its source, and its scale.

Each dimension has a *raw statistic*, and a scale from `scales.json` that says which raw values
are 0 and 1 (-1 and 1 for valence): the 5th and the 95th percentile over passages of ordinary
English prose. `benchmarks/scales.py` derives the file from the passages beside it. What lies
beyond is clamped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from ..hrv import DIMENSIONS
from .cues import Counts

__all__ = ["MEASURES", "SCALES", "Measure", "raw_statistics", "scaled"]


@dataclass(frozen=True, slots=True)
class Measure:
    """How one dimension is measured."""

    name: str
    method: str  #: one sentence for the reader of the evidence
    source: str
    raw: Callable[[Counts], float]


def sentence_variance(c: Counts) -> float:
    """Coefficient of variation of the sentence lengths in words.

    It is the population standard deviation over the mean, and 0 for fewer than two sentences.
    Pearson (1896); as burstiness of prose rhythm.
    """
    if c.sentences < 2:
        return 0.0
    mean = c.words / c.sentences
    return math.sqrt(max(0.0, c.squared_words / c.sentences - mean * mean)) / mean


def emotional_valence(c: Counts) -> float:
    """Mean VADER compound of the sentences, weighted by their length, -1..1.

    Hutto & Gilbert (2014).
    """
    return c.felt / c.words if c.words else 0.0


def emotional_intensity(c: Counts) -> float:
    """Summed strength of the affective words, whichever their sign, per word.

    The strengths are those of VADER's lexicon. Hutto & Gilbert (2014); arousal apart from valence,
    Russell (1980).
    """
    return c.affect / c.words if c.words else 0.0


def assertiveness_index(c: Counts) -> float:
    """Boosters minus hedges per 100 words. Hyland (2005)."""
    return 100 * (c.boosters - c.hedges) / c.words if c.words else 0.0


def curiosity_index(c: Counts) -> float:
    """Questions, words of wonder and invitations to the reader, per sentence.

    Hyland (2005), engagement markers; Litman & Spielberger (2003).
    """
    return c.curiosity / c.sentences if c.sentences else 0.0


def metaphor_density(c: Counts) -> float:
    """Figures of speech per sentence.

    They are similes, "is a <concrete noun>", "the <concrete noun> of" and lexicalised metaphorical
    verbs. Lakoff & Johnson (1980); Steen et al. (2010), MIPVU.
    """
    return c.figures / c.sentences if c.sentences else 0.0


def storytelling_index(c: Counts) -> float:
    """Markers of narrative per 100 words.

    They are past tense and perfect verbs, third-person pronouns, verbs of speech and markers of
    sequence. Biber (1988), dimension 2; Labov & Waletzky (1967).
    """
    return 100 * c.narrative / c.words if c.words else 0.0


def active_voice_ratio(c: Counts) -> float:
    """Share of the sentences that hold no passive; 0 where there is no sentence.

    A passive is "be" and a participle, the agent named or not. Biber (1988), features 17 and 18.
    """
    return 1 - c.passives / c.sentences if c.sentences else 0.0


MEASURES: tuple[Measure, ...] = (
    Measure(
        "sentence_variance",
        "coefficient of variation of the sentence lengths, in words",
        "Pearson (1896)",
        sentence_variance,
    ),
    Measure(
        "emotional_valence",
        "mean VADER compound of the sentences, weighted by length",
        "Hutto & Gilbert (2014)",
        emotional_valence,
    ),
    Measure(
        "emotional_intensity",
        "summed strength of the affective words per word, whichever the sign",
        "Hutto & Gilbert (2014)",
        emotional_intensity,
    ),
    Measure(
        "assertiveness_index",
        "boosters minus hedges per 100 words",
        "Hyland (2005)",
        assertiveness_index,
    ),
    Measure(
        "curiosity_index",
        "questions, words of wonder and invitations per sentence",
        "Hyland (2005); Litman & Spielberger (2003)",
        curiosity_index,
    ),
    Measure(
        "metaphor_density",
        "similes and metaphorical nouns and verbs per sentence",
        "Lakoff & Johnson (1980); Steen et al. (2010)",
        metaphor_density,
    ),
    Measure(
        "storytelling_index",
        "narrative markers (past tense, he/she/they, speech, sequence) per 100 words",
        "Biber (1988)",
        storytelling_index,
    ),
    Measure(
        "active_voice_ratio",
        "share of the sentences without a passive",
        "Biber (1988)",
        active_voice_ratio,
    ),
)
"""In the order of `hrv.DIMENSIONS`."""

SCALES: dict[str, tuple[float, float]] = {
    name: (float(low), float(high))
    for name, (low, high) in json.loads(
        files(__package__).joinpath("scales.json").read_text(encoding="utf-8")
    ).items()
}
"""Per dimension, the raw values that are the low and the high end of its range."""

_LADDER = tuple(
    (measure.raw, *SCALES[measure.name], dimension.low, dimension.high)
    for measure, dimension in zip(MEASURES, DIMENSIONS, strict=True)
)


def raw_statistics(counts: Counts) -> tuple[float, ...]:
    """The eight raw statistics, unscaled."""
    return tuple(measure.raw(counts) for measure in MEASURES)


def scaled(counts: Counts) -> tuple[float, ...]:
    """The eight values on their dimensions' ranges."""
    values = []
    for raw, floor, ceiling, low, high in _LADDER:
        share = (raw(counts) - floor) / (ceiling - floor)
        values.append(low + (high - low) * min(1.0, max(0.0, share)))
    return tuple(values)
