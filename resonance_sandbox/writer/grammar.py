"""Frames into sentences: choices, slots, agreement, articles and capitals.

The notation of `frames.txt` is explained at its head.
"""

# ruff: noqa: RUF001 (typographic quotes are meant)

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from .domains import SLOTS

__all__ = ["Frame", "Variant", "article_for", "frames", "realise"]

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(v:)?([a-z']+)\}")
_INDEFINITE = re.compile(r"\b([Aa])~ (\S+)")
_AGREEING = {
    "is": ("is", "are"),
    "has": ("has", "have"),
    "does": ("does", "do"),
    "was": ("was", "were"),
}
_STANDS_FOR = {"it": ("it", "they"), "its": ("its", "their"), "them": ("it", "them")}


@dataclass(frozen=True, slots=True)
class Frame:
    """A sentence pattern of one role."""

    role: str
    text: str
    parts: tuple[str | tuple[str, ...], ...]  #: literal text, and choices
    choices: int  #: how many variants there are

    def variant(self, draw: int) -> Variant:
        """One of the sentences that the choices allow; any `draw` >= 0 picks one."""
        pieces = []
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
            else:
                draw, chosen = divmod(draw, len(part))
                pieces.append(part[chosen])
        return _variant(self, "".join(pieces))


@dataclass(frozen=True, slots=True)
class Variant:
    """A frame with its choices made; only the slots are open."""

    frame: Frame
    text: str
    mentions: int  #: how often the subject is named
    asks: bool  #: whether it is a question
    opening: str  #: the first word or slot, so that neighbours can begin differently
    fillers: tuple[str, ...]  #: the slots that a filler of the domain takes, repeats included
    threads: frozenset[str]  #: what it speaks of: subject, protagonist and fillers


@cache
def _variant(frame: Frame, text: str) -> Variant:
    fillers = tuple(m[2] for m in _SLOT.finditer(text) if not m[1] and m[2] in SLOTS)
    mentions = text.count("{s}")
    threads = set(fillers)
    if mentions:
        threads.add("s")
    if any(slot in text for slot in ("{name}", "{he}", "{him}", "{his}")):
        threads.add("name")
    return Variant(
        frame,
        text,
        mentions,
        text.endswith("?"),
        text.split(" ", 1)[0].lower(),
        fillers,
        frozenset(threads),
    )


@lru_cache(maxsize=1)
def frames() -> dict[str, tuple[Frame, ...]]:
    """All frames, by role."""
    found: dict[str, list[Frame]] = {}
    role = ""
    text = files(__package__).joinpath("frames.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("== "):
            role = line[3:].strip()
        elif line and not line.startswith("#"):
            parts = _parts(line)
            choices = math.prod(len(part) for part in parts if not isinstance(part, str))
            found.setdefault(role, []).append(Frame(role, line, parts, choices))
    return {name: tuple(members) for name, members in found.items()}


def _parts(line: str) -> tuple[str | tuple[str, ...], ...]:
    pieces = _CHOICE.split(line)
    return tuple(
        tuple(piece.split("|")) if i % 2 else piece for i, piece in enumerate(pieces) if piece
    )


def realise(text: str, subject: str, plural: bool, fillers: Mapping[str, str]) -> str:
    """The sentence that `text` (a variant's) makes with `subject` and `fillers`."""

    def fill(match: re.Match[str]) -> str:
        slot = match[2]
        if match[1]:
            return slot if plural else third_person(slot)
        if slot == "s":
            return subject
        if slot in _AGREEING:
            return _AGREEING[slot][plural]
        if slot in _STANDS_FOR:
            return _STANDS_FOR[slot][plural]
        return fillers[slot]

    sentence = _SLOT.sub(fill, text)
    sentence = _INDEFINITE.sub(lambda m: f"{m[1]}{article_for(m[2])[1:]} {m[2]}", sentence)
    first = 1 if sentence[0] in '"“' else 0
    return sentence[:first] + sentence[first].upper() + sentence[first + 1 :]


def third_person(verb: str) -> str:
    """From "change" to "changes", "carry" to "carries", "have" to "has"."""
    if verb == "have":
        return "has"
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def article_for(word: str) -> str:
    """The article, "a" or "an", by the sound that `word` begins with.

    >>> [article_for(word) for word in ("hour", "user", "engineer", "one", "SQL", "MRI")]
    ['an', 'a', 'an', 'a', 'an', 'an']
    """
    bare = word.strip("\"“‘'(").lower()
    if len(word) > 1 and word.isupper():
        return "an" if word[0] in "AEFHILMNORSX" else "a"
    if bare.startswith(("hour", "honest", "honour", "heir")):
        return "an"
    if bare.startswith(("uni", "use", "usu", "eu", "one", "once", "ubiq", "uto")):
        return "a"
    return "an" if bare[:1] in tuple("aeiou") or bare.startswith(("8", "11", "18")) else "a"
