"""What a sentence will measure, estimated before it is written.

The counts behind the measures are sums over words, so those of a sentence are those of its frame
plus those of what fills its slots. A frame's are measured once, by the scorer itself, and kept; an
estimate then costs a few additions. VADER's compound is no sum, but what it normalises is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from ..scoring import Counts, cues_of
from .domains import SLOTS
from .grammar import Variant, realise

__all__ = ["Features", "Lexis", "features_of", "skeleton_of"]

_NORMALISER = 15  # VADER's alpha


class Features(NamedTuple):
    """Additive features of a sentence, as `search` sums them."""

    words: float
    squared_words: float
    felt: float
    affect: float
    firmness: float  #: boosters minus hedges
    curiosity: float
    figures: float
    narrative: float
    passives: float
    named: float  #: 1 where the sentence names the subject


def features_of(counts: Counts, *, named: bool = False) -> Features:
    """The features of measured counts."""
    return Features(
        counts.words,
        counts.squared_words,
        counts.felt,
        counts.affect,
        counts.boosters - counts.hedges,
        counts.curiosity,
        counts.figures,
        counts.narrative,
        counts.passives,
        float(named),
    )


def _unnormalised(compound: float) -> float:
    """The sum of valences that VADER normalised to `compound`."""
    bounded = max(-0.9999, min(0.9999, compound))
    return bounded * math.sqrt(_NORMALISER / (1 - bounded * bounded))


def _normalised(total: float) -> float:
    return total / math.sqrt(total * total + _NORMALISER)


# One neutral word for each slot, so that a frame's own counts can be told from its fillers'.
_NEUTRAL = dict.fromkeys(SLOTS, "items") | {
    "name": "Jo",
    "he": "he",
    "him": "him",
    "his": "his",
    "himself": "himself",
}


@cache
def skeleton_of(text: str) -> tuple[Features, float]:
    """Features and valence that the sentence of a variant's `text` has without its fillers."""
    cues = cues_of(realise(text, "topics", False, _NEUTRAL))
    return features_of(cues.counts), _unnormalised(cues.compound)


class Lexis:
    """The words of one article (its subject and fillers) and what each adds to a sentence."""

    def __init__(self, subject: str, fillers: Mapping[str, str]) -> None:
        self._added = {slot: _added(text) for slot, text in fillers.items() if slot in SLOTS}
        self._subject = _added(subject)

    def estimate(self, variant: Variant) -> Features:
        """The features of the sentence that `variant` will make."""
        frame, valence = skeleton_of(variant.text)
        words, affect, firmness = frame.words, frame.affect, frame.firmness
        curiosity, figures, narrative = frame.curiosity, frame.figures, frame.narrative
        for added in [self._added[slot] for slot in variant.fillers] + [
            self._subject
        ] * variant.mentions:
            words += added[0].words - 1
            affect += added[0].affect
            firmness += added[0].firmness
            curiosity += added[0].curiosity
            figures += added[0].figures
            narrative += added[0].narrative
            valence += added[1]
        return Features(
            words,
            words * words,
            _normalised(valence) * words,
            affect,
            firmness,
            curiosity,
            figures,
            narrative,
            frame.passives,
            1.0 if variant.mentions else 0.0,
        )


def _added(text: str) -> tuple[Features, float]:
    cues = cues_of(text)
    return features_of(cues.counts), _unnormalised(cues.compound)
