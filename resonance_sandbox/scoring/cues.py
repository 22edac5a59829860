# ruff: noqa: RUF001 (the full-width question mark is meant)
"""What is counted in one sentence.

A text's measures are sums of these counts, so a writer can swap a sentence and know the new measure
without reading the rest again.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from . import lexicon as lx
from .affect import affective_strength, compound
from .text import words

__all__ = ["Counts", "Cues", "cues_of"]


class Counts(NamedTuple):
    """Additive counts: those of a text are the sums of those of its sentences."""

    sentences: int = 0
    words: int = 0
    squared_words: int = 0  #: sum of the squares of the sentence lengths
    felt: float = 0.0  #: VADER compound times words
    affect: float = 0.0  #: summed strength of affective words
    boosters: int = 0
    hedges: int = 0
    curiosity: int = 0
    figures: int = 0  #: metaphors and similes
    narrative: int = 0
    passives: int = 0  #: 1 where the sentence holds a passive


@dataclass(frozen=True, slots=True)
class Cues:
    """One sentence, its counts, and the words that were counted, by kind."""

    sentence: str
    counts: Counts
    compound: float
    found: dict[str, tuple[str, ...]] = field(default_factory=dict)


_ADVERBS = lx.word_set(
    "not never always often already also still just now then only even ever rarely seldom soon "
    "well best better first once"
)
_GET_FORMS = lx.word_set("get gets got gotten getting")
_HAVE_FORMS = lx.word_set("have has had having hadn't haven't hasn't 've i've we've they've you've")
_DETERMINERS = lx.word_set(
    "a an the this that these those my your his her its our their some any no each every of in on "
    "by for with from to at as more most very less least so too such and or"
)
_COPULAS = lx.word_set("is are was were be been become becomes became remain remains isn't aren't")
_NOT_SIMILE_BEFORE = lx.word_set(
    "would should i'd you'd he'd she'd we'd they'd i you we they to don't doesn't didn't "
    "really also"
)
_ARTICLES = lx.word_set("a an the one")
_NOT_COMPARED = lx.word_set("well soon far long much many")
_SUBJECT_PRONOUNS = lx.word_set("i you he she it we they this that these those")
_LONGEST_PHRASE = 3
_QUESTION = re.compile(r"\?(?!\w)|？")  # not that of a link: "/search?q=tea"


@lru_cache(maxsize=4096)
def cues_of(sentence: str) -> Cues:
    """Count `sentence` (one sentence, as `text.sentences` gives it)."""
    tokens = words(sentence)
    boosters = _phrases_in(tokens, lx.BOOSTERS)
    hedges = _phrases_in(tokens, lx.HEDGES)
    curious = _curiosity(sentence, tokens)
    figures = _figures(tokens)
    passive = _passives(tokens, asked="?" in curious)
    narrative = _narrative(tokens)
    felt = compound(sentence)
    affective = tuple(
        token
        for i, token in enumerate(tokens)
        if affective_strength(token) and not _is_simile(tokens, i)  # VADER's "like" is the verb
    )
    length = len(tokens)
    return Cues(
        sentence,
        Counts(
            sentences=1,
            words=length,
            squared_words=length * length,
            felt=felt * length,
            affect=math.fsum(map(affective_strength, affective)),
            boosters=len(boosters),
            hedges=len(hedges),
            curiosity=len(curious),
            figures=len(figures),
            narrative=len(narrative),
            passives=min(1, len(passive)),
        ),
        felt,
        {
            "boosters": boosters,
            "hedges": hedges,
            "curiosity": curious,
            "figures": figures,
            "narrative": narrative,
            "passives": passive,
            "affect": affective,
        },
    )


def _phrases_in(tokens: list[str], phrases: frozenset[str]) -> tuple[str, ...]:
    """The phrases of the list found in `tokens`, longest first, none overlapping."""
    found = []
    position = 0
    begins = _beginnings(phrases)
    while position < len(tokens):
        longest = _LONGEST_PHRASE if tokens[position] in begins else 0
        for length in range(min(longest, len(tokens) - position), 0, -1):
            phrase = " ".join(tokens[position : position + length])
            if phrase in phrases:
                found.append(phrase)
                position += length - 1
                break
        position += 1
    return tuple(found)


@cache
def _beginnings(phrases: frozenset[str]) -> frozenset[str]:
    return frozenset(phrase.split(" ", 1)[0] for phrase in phrases)


def _curiosity(sentence: str, tokens: list[str]) -> tuple[str, ...]:
    found = _phrases_in(tokens, lx.WONDER_WORDS) + _phrases_in(tokens, lx.INVITATIONS)
    if _QUESTION.search(sentence):
        found = (*found, "?")
    return found


def _figures(tokens: list[str]) -> tuple[str, ...]:
    """Similes, copular and genitive metaphors, and lexicalised metaphorical verbs."""
    found = []
    last = len(tokens) - 1
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        if token == "like":
            if _is_simile(tokens, i):
                found.append(" ".join(tokens[i : i + 3]))
        elif token == "as" and i < last:
            if tokens[i + 1] in ("if", "though"):
                found.append(" ".join(tokens[i : i + 2]))
            elif (
                i + 3 <= last
                and tokens[i + 2] == "as"
                and tokens[i + 3] in _ARTICLES
                and tokens[i + 1] not in _NOT_COMPARED
            ):
                found.append(" ".join(tokens[i : i + 5]))
        elif token in lx.METAPHOR_VERBS:
            if before not in _DETERMINERS or before == "to":
                found.append(token)
        elif token in lx.METAPHOR_NOUNS:
            window = tokens[max(0, i - 4) : i]
            copular = (
                any(word in _COPULAS for word in window)
                and any(word in _ARTICLES for word in window)
                and "like" not in window  # that is a simile, and counted as one
            )
            genitive = i < last and tokens[i + 1] in ("of", "between", "through", "beneath")
            if copular or (genitive and i and before not in ("this", "that")):
                found.append(token + (" of" if genitive and not copular else ""))
    return tuple(found)


def _is_simile(tokens: list[str], i: int) -> bool:
    """Whether the word at `i` is the "like" of "like a lamp"."""
    return (
        tokens[i] == "like"
        and i + 1 < len(tokens)
        and tokens[i + 1] in _ARTICLES
        and (i == 0 or tokens[i - 1] not in _NOT_SIMILE_BEFORE)
    )


def _passives(tokens: list[str], *, asked: bool) -> tuple[str, ...]:
    """Each "be" (or "get") and a past participle, with up to two adverbs between.

    The agent may be missing (Biber 1988, features 17 and 18). In a question a pronoun may stand
    between.
    """
    found = []
    for i, token in enumerate(tokens):
        if token in lx.BE_FORMS or token in _GET_FORMS:
            for j in range(i + 1, min(i + 4, len(tokens))):
                word = tokens[j]
                if _is_participle(word):
                    found.append(" ".join(tokens[i : j + 1]))
                    break
                if asked and j == i + 1 and word in _SUBJECT_PRONOUNS:
                    continue
                if word not in _ADVERBS and not word.endswith("ly") and word not in lx.BE_FORMS:
                    break
    return tuple(found)


def _is_participle(word: str) -> bool:
    if word in lx.IRREGULAR_PARTICIPLES:
        return True
    return len(word) > 3 and word.endswith("ed") and word not in lx.NOT_PARTICIPLES


def _narrative(tokens: list[str]) -> tuple[str, ...]:
    """Past tense, perfect aspect, third-person pronouns, verbs of speech, markers of sequence."""
    found = list(_phrases_in(tokens, lx.TIME_MARKERS))
    for i, token in enumerate(tokens):
        if token in lx.PERSON_PRONOUNS or token in lx.PUBLIC_VERBS or token in lx.IRREGULAR_PASTS:
            found.append(token)
        elif len(token) > 3 and token.endswith("ed") and token not in lx.NOT_PARTICIPLES:
            before = _verb_before(tokens, i)
            if before in _HAVE_FORMS or (
                before not in _DETERMINERS
                and before not in lx.BE_FORMS
                and before not in _GET_FORMS
            ):
                found.append(token)
    return tuple(found)


def _verb_before(tokens: list[str], i: int) -> str:
    """The word that decides what a form in -ed is: the one before it, adverbs left out."""
    for word in reversed(tokens[max(0, i - 3) : i]):
        if word not in _ADVERBS and not word.endswith("ly"):
            return word
    return ""
