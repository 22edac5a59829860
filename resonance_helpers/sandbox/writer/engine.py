"""The built-in writing engine: propose sentences, measure them, keep what comes nearer."""

from __future__ import annotations

import random
import re

from ..scoring import Counts, cues_of, scaled
from .base import Brief, Draft, Writer

__all__ = ["ResonantWriter", "default_writer"]

_LEAD = re.compile(
    r"^(?:please\s+)?(?:write|tell me|explain|describe|introduction|discuss)\b.*?\b(?:about|on|to|of)\s+",
    re.IGNORECASE,
)
_FRAMES = """
    Few subjects reward attention as well as {s}.
    Anyone who works with {s} knows that the first week is the hardest.
    Perhaps the most useful thing to say about {s} is that it might take time.
    What would change if {s} were easy?
    Imagine a team that meets {s} for the first time.
    Mara told her colleagues about {s}, and they laughed until the results came in.
    In one small office, {s} was treated as a passing fashion.
    Clearly, {s} must be taken seriously, and the evidence proves it.
    For many people, {s} is a bridge between an old habit and a new one.
    The early work was done quietly, and it was checked twice.
    There is a real danger of failure, and {s} will always carry some risk.
    Good results bring joy, and {s} can bring a great deal of both.
    It works.
    The cost of {s} is known; the value is often underestimated.
    Why do so many people wonder about {s} and never ask?
    Later that year, she found that {s} had changed the way they worked.
    A careful reader may suspect that {s} is somewhat overrated.
    Like a lamp in a dark room, {s} shows what was there all along.
    Every plan for {s} should be written down before it is followed.
    In the end, {s} is judged by what it leaves behind.
    The numbers are plain.
    Some of the problems of {s} were solved long ago and forgotten.
    He asked a simple question about {s}, and nobody answered.
    Success with {s} is wonderful, and it is always earned.
""".strip().splitlines()


class ResonantWriter:
    """Steers an article to its target by exact, incremental measurement. Thread-safe."""

    name = "resonant"

    def write(self, brief: Brief) -> Draft:
        rng = random.Random(f"{brief.seed}|{brief.prompt}")
        subject = _LEAD.sub("", " ".join(brief.prompt.split())).strip(" .?!")[:120] or "the subject"
        subject = subject[0].lower() + subject[1:]
        pool = [frame.strip().replace("{s}", subject) for frame in _FRAMES]
        rng.shuffle(pool)
        total = Counts()
        paragraphs = []
        for _ in range(brief.paragraphs):
            chosen: list[str] = []
            for _ in range(min(4, len(pool))):
                def gap(sentence: str, so_far: Counts = total) -> float:
                    values = scaled(Counts(*map(sum, zip(so_far, cues_of(sentence).counts, strict=True))))
                    return sum(abs(a - b) for a, b in zip(values, brief.target, strict=True))

                best = min(pool, key=gap)
                pool.remove(best)
                total = Counts(*map(sum, zip(total, cues_of(best).counts, strict=True)))
                chosen.append(best[0].upper() + best[1:])
            if chosen:
                paragraphs.append(" ".join(chosen))
        return Draft(tuple(paragraphs))


def default_writer() -> Writer:
    """The built-in engine."""
    return ResonantWriter()
