"""Feeling in words: VADER, loaded once and asked one sentence at a time.

Source: Hutto, C. J. & Gilbert, E. (2014), *VADER: A Parsimonious Rule-based Model for Sentiment
Analysis of Social Media Text*, ICWSM; the `vaderSentiment` package is its authors' own.
"""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

__all__ = ["affective_strength", "compound"]

_LONGEST = 2_000  # characters of a sentence that VADER is given
_MOST_EMOJI = 20
# VADER takes time with the square of the number of tokens, and makes several of each emoji. Prose
# has no sentence of this length; what has is markup, a table or an attack.


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    # Imported here: reading its lexicon takes 70 ms, and most of the sandbox never needs it.
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def affective_strength(word: str) -> float:
    """How strongly `word` (lower case) is felt, whichever its sign: 0 (not at all) to 4."""
    return float(abs(_analyzer().lexicon.get(word, 0.0)))


def compound(sentence: str) -> float:
    """VADER's compound score of one sentence, -1..1; of a very long one, that of its beginning."""
    analyzer = _analyzer()
    sentence = sentence[:_LONGEST]
    if sentence.isascii() and not any(
        token in analyzer.lexicon or token.strip(string.punctuation) in analyzer.lexicon
        for token in sentence.lower().split()
    ):
        return 0.0  # what VADER would say, without its 50 microseconds
    emoji = [i for i, character in enumerate(sentence) if character in analyzer.emojis]
    if len(emoji) > _MOST_EMOJI:
        sentence = sentence[: emoji[_MOST_EMOJI]]
    return float(analyzer.polarity_scores(sentence)["compound"])
