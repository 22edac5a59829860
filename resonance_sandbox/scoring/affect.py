"""Feeling in words: VADER, loaded once and asked one sentence at a time.

Source: Hutto, C. J. & Gilbert, E. (2014), *VADER: A Parsimonious Rule-based Model for Sentiment
Analysis of Social Media Text*, ICWSM; the `vaderSentiment` package is its authors' own.
"""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

__all__ = ["affective_strength", "compound"]


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    # Imported here: reading its lexicon takes 70 ms, and most of the sandbox never needs it.
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def affective_strength(word: str) -> float:
    """How strongly `word` (lower case) is felt, whichever its sign: 0 (not at all) to 4."""
    return float(abs(_analyzer().lexicon.get(word, 0.0)))


def compound(sentence: str) -> float:
    """VADER's compound score of one sentence, -1..1."""
    analyzer = _analyzer()
    if sentence.isascii() and not any(
        token in analyzer.lexicon or token.strip(string.punctuation) in analyzer.lexicon
        for token in sentence.lower().split()
    ):
        return 0.0  # what VADER would say, without its 50 microseconds
    return float(analyzer.polarity_scores(sentence)["compound"])
