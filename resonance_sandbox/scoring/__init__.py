"""The eight HRV dimensions, measured on any text.

>>> measurement = measure("Why do we wait? The gate was opened. She ran like the wind.")
>>> measurement.vector.active_voice_ratio
0.6666666666666667
>>> measurement.evidence["active_voice_ratio"]["found"]
['was opened']
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..hrv import HRVVector
from .cues import Counts, Cues, cues_of
from .measures import MEASURES, SCALES, scaled
from .text import sentences

__all__ = [
    "MAX_FOUND",
    "Counts",
    "Cues",
    "Measurement",
    "counts_of",
    "cues_of",
    "measure",
    "scaled",
]

MAX_FOUND = 40
"""The most items that one dimension's evidence lists; `counts` always has the whole number."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured.

    Attributes:
        vector: the eight values, each within its range.
        evidence: per dimension ``{"value", "raw", "scale", "method", "source", "counts",
            "found"}``:
            the value; the raw statistic, and the raw values at the two ends of the range; how it
            was measured, in one sentence, and after whom; the numbers that went in; the words or
            sentences counted, at most `MAX_FOUND` ("said (3)" stands for three of them; the
            lengths of the sentences for variance, ``{"sentence", "compound"}`` for valence, and
            "+ surely", "- perhaps" for assertiveness). All of it goes into JSON.
    """

    vector: HRVVector
    evidence: dict[str, dict[str, Any]]


def measure(text: str) -> Measurement:
    """Measure `text`: any string, in time linear in its length.

    Other languages than English are measured by the same counts, which find little there.
    """
    found = [cues_of(sentence) for sentence in sentences(text)]
    counts = counts_of(found)
    values = scaled(counts)
    evidence = {}
    for chosen, value in zip(MEASURES, values, strict=True):
        numbers, items = _EVIDENCE[chosen.name](counts, found)
        evidence[chosen.name] = {
            "value": round(value, 4),
            "raw": round(chosen.raw(counts), 4),
            "scale": list(SCALES[chosen.name]),
            "method": chosen.method,
            "source": chosen.source,
            "counts": numbers,
            "found": items[:MAX_FOUND],
        }
    return Measurement(HRVVector(values), evidence)


def counts_of(found: list[Cues]) -> Counts:
    """The counts of a text, from those of its sentences."""
    if not found:
        return Counts()
    columns = zip(*(cues.counts for cues in found), strict=True)
    # fsum, since Python 3.12 sums floats otherwise than 3.11 and figures should not differ.
    sums = [math.fsum(column) for column in columns]
    return Counts._make(
        s if name in ("felt", "affect") else int(s)
        for name, s in zip(Counts._fields, sums, strict=True)
    )


def _listed(found: list[Cues], *kinds: str) -> list[str]:
    return [item for cues in found for kind in kinds for item in cues.found[kind]]


def _lengths(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    lengths = [cues.counts.words for cues in found]
    mean = counts.words / counts.sentences if counts.sentences else 0.0
    return (
        {"sentences": counts.sentences, "words": counts.words, "mean_length": round(mean, 2)},
        lengths,
    )


def _valence(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    felt = [cues for cues in found if cues.compound]
    return (
        {
            "positive_sentences": sum(cues.compound > 0 for cues in felt),
            "negative_sentences": sum(cues.compound < 0 for cues in felt),
            "sentences": counts.sentences,
        },
        [{"sentence": _short(cues.sentence), "compound": cues.compound} for cues in felt],
    )


def _intensity(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    affective = _listed(found, "affect")
    return (
        {
            "affective_words": len(affective),
            "summed_strength": round(counts.affect, 2),
            "words": counts.words,
        },
        _tallied(affective),
    )


def _assertiveness(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    return (
        {"boosters": counts.boosters, "hedges": counts.hedges, "words": counts.words},
        [f"+ {item}" for item in _tallied(_listed(found, "boosters"))]
        + [f"- {item}" for item in _tallied(_listed(found, "hedges"))],
    )


def _curiosity(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    questions = [cues for cues in found if "?" in cues.found["curiosity"]]
    cue_words = [item for item in _listed(found, "curiosity") if item != "?"]
    return (
        {
            "questions": len(questions),
            "wonder_words_and_invitations": len(cue_words),
            "sentences": counts.sentences,
        },
        [_short(cues.sentence) for cues in questions] + _tallied(cue_words),
    )


def _figures(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    items = _listed(found, "figures")
    return {"figures": counts.figures, "sentences": counts.sentences}, _tallied(items)


def _narrative(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    items = _listed(found, "narrative")
    return {"narrative_markers": counts.narrative, "words": counts.words}, _tallied(items)


def _passives(counts: Counts, found: list[Cues]) -> tuple[dict[str, Any], list[Any]]:
    return (
        {"passive_sentences": counts.passives, "sentences": counts.sentences},
        _listed(found, "passives"),
    )


_EVIDENCE = {
    "sentence_variance": _lengths,
    "emotional_valence": _valence,
    "emotional_intensity": _intensity,
    "assertiveness_index": _assertiveness,
    "curiosity_index": _curiosity,
    "metaphor_density": _figures,
    "storytelling_index": _narrative,
    "active_voice_ratio": _passives,
}


def _tallied(items: list[str]) -> list[str]:
    """``["said (3)", "then"]``, in the order of first appearance."""
    return [f"{item} ({n})" if n > 1 else item for item, n in Counter(items).items()]


def _short(sentence: str, limit: int = 200) -> str:
    return sentence if len(sentence) <= limit else sentence[: limit - 1] + "…"
