# ruff: noqa: RUF001 (typographic and full-width punctuation is meant)
"""Text into sentences and words: one pass, linear in the length, total on any string.

Sentences end at ``.`` ``!`` ``?`` ``…`` (and their full-width kin) or at a blank line. A full stop
does not end one after an abbreviation or an initial, inside a number, or before a lower-case word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .lexicon import word_set

__all__ = ["MAX_SENTENCE_WORDS", "sentences", "words"]

MAX_SENTENCE_WORDS = 150
"""A longer run without an end (a table, a word list) is cut here: it is no sentence, and a cut
keeps every measure linear."""

_MAX_SENTENCE_CHARACTERS = 2_000

_WORD = re.compile(r"\d+(?:[.,]\d+)*%?|[^\W\d_][^\W_]*(?:['’\-][^\W_]+)*|[^\W_]+")
_END = re.compile(r"[.!?…]+[\"'”’)\]»*]*|[。！？]+[”’」』）]*")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_LIST_ITEM = re.compile(r"\n[^\S\n]*(?=[-*•#>]\s|\d{1,3}[.)]\s)")

_TITLES = word_set("mr mrs ms dr prof st gen col capt lt sgt rev hon sen rep gov vs cf e.g i.e")
_ABBREVIATIONS = word_set(
    "etc inc ltd co corp jr sr al no nos fig figs vol vols ed eds pp approx dept est min max "
    "a.m p.m u.s u.k u.n ph.d jan feb mar apr jun jul aug sep sept oct nov dec"
)


def words(text: str) -> list[str]:
    """The words of `text`, lower-cased, typographic apostrophes made plain.

    A number with its decimals is one word, and so are a contraction and a hyphenated compound.

    >>> words("It's 3.14 — a well-known value")
    ["it's", '3.14', 'a', 'well-known', 'value']
    """
    return _WORD.findall(text.lower().replace("’", "'"))


def sentences(text: str) -> list[str]:
    """The sentences of `text` that hold at least one word, each stripped.

    >>> sentences('Dr. Lee paid 3.50 for it. "Really?" she asked. Yes!')
    ['Dr. Lee paid 3.50 for it.', '"Really?" she asked.', 'Yes!']
    """
    found = []
    for block in _BLANK_LINE.split(text):
        for item in _LIST_ITEM.split(block):
            for sentence in _split(item):
                for piece in _cut(sentence.strip()):
                    if _WORD.search(piece):
                        found.append(piece)
    return found


def _split(text: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(text):
        if _ends(text, start, match):
            yield text[start : match.end()]
            start = match.end()
    yield text[start:]


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    if match.group()[0] in "。！？":
        return True
    if not text[match.end() : match.end() + 1].isspace() and match.end() < len(text):
        return False  # not looked for by the pattern, which would be slow on a run without a space
    following = text[match.end() : match.end() + 8].lstrip().lstrip("\"'“‘([«*")[:1]
    if following.islower():
        return False
    if match.group()[0] == "." and not match.group().startswith(".."):
        before = text[max(start, match.start() - 12) : match.start()].split()
        last = before[-1].lstrip("\"'“‘([").lower() if before else ""
        if last in _TITLES:
            return False
        if len(last) == 1 and last.isalpha() and last != "i":
            return not following.isupper()
        if last in _ABBREVIATIONS:
            return not following.isdigit()
        if last.isdigit() and not text[start : match.start()].strip().rstrip("0123456789"):
            return False  # "1. First": a list's number, not a sentence
    return True


def _cut(sentence: str) -> Iterator[str]:
    if len(sentence) <= MAX_SENTENCE_WORDS:  # characters: it cannot have more words
        yield sentence
        return
    start = count = 0
    for match in _WORD.finditer(sentence):
        if count == MAX_SENTENCE_WORDS or match.end() - start > _MAX_SENTENCE_CHARACTERS:
            if count:
                yield sentence[start : match.start()]
                start = match.start()
            count = 0
        count += 1
    yield sentence[start:]
