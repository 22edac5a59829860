"""The built-in writing engine: plan an article, propose sentences, measure them, keep the best."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from ..scoring import cues_of, measure
from .base import Brief, Draft, Writer
from .cast import cast_for
from .domains import domain_of
from .features import Features, Lexis, features_of, skeleton_of
from .grammar import Variant, frames, realise
from .plan import plan
from .search import Candidate, Draughtsman
from .subject import Subject, subject_of

__all__ = ["ResonantWriter", "default_writer"]

# Sentences per paragraph: a lone paragraph is a longer one.
_SENTENCES = {1: (7, 8, 9), 2: (5, 6, 7)}
_SENTENCES_OF_MANY = (4, 5, 5, 6)
_SENTENCE_CHARACTERS = 85  # a sentence's usual length, to share out `max_length`
_FEW = 6  # sentences with which one draft often has no way to its target
_DRAWN = 0.45  # the share of the frames that one article may use
_TRIES = 26


@dataclass(frozen=True, slots=True)
class ResonantWriter:
    """Steers an article to its target by what its sentences measure.

    Thread-safe: it keeps no state but caches of pure functions.

    Attributes:
        sweeps: how often each place in the article is offered other sentences, by estimate.
        rounds: how many such offers are then written out and measured.
        drafts: how many are written where `max_length` has room for few sentences; the nearest to
            the target is kept. With 0, 0 and 1 nothing is steered, which is the baseline of
            `benchmarks/quality.py`.
    """

    sweeps: int = 3
    rounds: int = 32
    drafts: int = 4

    @property
    def name(self) -> str:
        """Shown in `/health`."""
        return "resonant"

    def warm_up(self) -> None:
        """Measure every frame's variants now (some 0.2 s).

        The first articles would have to wait for it otherwise.
        """
        for members in frames().values():
            for frame in members:
                for draw in range(frame.choices):
                    skeleton_of(frame.variant(draw).text)

    def write(self, brief: Brief) -> Draft:
        """Write to `brief`. The same brief gives the same draft, on any machine."""
        rng = random.Random(repr((brief.seed, brief.prompt, tuple(brief.target), brief.paragraphs)))
        if brief.max_length is None or _room(brief.max_length) > _FEW:
            return self._draft(brief, rng)

        def nearness(draft: Draft) -> tuple[int, float]:
            return -len(draft.warnings), measure(draft.text).vector.feedback(brief.target)

        return max((self._draft(brief, rng) for _ in range(self.drafts)), key=nearness)

    def _draft(self, brief: Brief, rng: random.Random) -> Draft:
        subject = subject_of(brief.prompt)
        cast = cast_for(domain_of(subject.short, subject.name, brief.prompt), rng)
        sizes = _sizes(brief, rng)
        places = plan(sizes, brief.target, rng)
        pools = _pools(Lexis(subject.short, cast.fillers(0, 0)), brief.temperature, rng)
        desk = Draughtsman(places, pools, brief.target, rng)
        for _ in range(self.sweeps):
            desk.sweep(_TRIES)

        def text(index: int, variant: Variant) -> str:
            fillers = cast.fillers(places[index].paragraph, index)
            return _written(variant, subject, places[index].full_name, fillers)

        def write(index: int, variant: Variant) -> Features:
            counts = cues_of(text(index, variant)).counts
            return features_of(counts, named=variant.mentions > 0)

        desk.refine(self.rounds, _TRIES, write)
        sentences = [text(i, c.variant) for i, c in enumerate(desk.chosen)]
        paragraphs: list[list[str]] = [[] for _ in sizes]
        for place, sentence in zip(places, sentences, strict=True):
            paragraphs[place.paragraph].append(sentence)
        return _fitted(paragraphs, brief, subject)


def default_writer() -> Writer:
    """The built-in engine."""
    return ResonantWriter()


def _sizes(brief: Brief, rng: random.Random) -> list[int]:
    """Sentences per paragraph; fewer where `max_length` leaves no room."""
    usual = _SENTENCES.get(brief.paragraphs, _SENTENCES_OF_MANY)
    sizes = [rng.choice(usual) for _ in range(brief.paragraphs)]
    if brief.max_length is not None:
        room = _room(brief.max_length)
        while sum(sizes) > room and max(sizes) > 1:
            sizes[sizes.index(max(sizes))] -= 1
        sizes = sizes[:room]
    return sizes


def _room(max_length: int) -> int:
    return max(1, max_length // _SENTENCE_CHARACTERS)


def _pools(lexis: Lexis, temperature: float, rng: random.Random) -> dict[str, list[Candidate]]:
    """What this article may say: by role, two variants each of the frames that it draws.

    Each has the bias that exploring gives it. Not all frames are drawn, so that articles differ.
    """
    pools = {}
    for role, members in frames().items():
        pool = []
        for frame in rng.sample(members, round(_DRAWN * len(members))):
            for draw in {rng.randrange(frame.choices), rng.randrange(frame.choices)}:
                variant = frame.variant(draw)
                bias = temperature * 0.05 * rng.random()
                pool.append(Candidate(variant, lexis.estimate(variant), bias))
        pools[role] = pool
    return pools


def _written(
    variant: Variant, subject: Subject, full_name: bool, fillers: Mapping[str, str]
) -> str:
    name, plural = (
        (subject.name, subject.name_plural) if full_name else (subject.short, subject.short_plural)
    )
    return realise(variant.text, name, plural, fillers)


def _fitted(paragraphs: list[list[str]], brief: Brief, subject: Subject) -> Draft:
    """Drop whole sentences, the close last of all, until `max_length` holds."""
    limit = brief.max_length
    if limit is None:
        return Draft(_joined(paragraphs))
    while _length(paragraphs) > limit and sum(map(len, paragraphs)) > 1:
        longest = max(paragraphs, key=lambda sentences: (len(sentences), sum(map(len, sentences))))
        longest.pop(-2 if len(longest) > 1 else -1)
    kept = _joined(paragraphs)
    if _length(paragraphs) > limit:
        verb = "matter" if subject.short_plural else "matters"
        short = subject.short[0].upper() + subject.short[1:]
        tiny = [f"{short} {verb}.", "This matters.", "It matters.", "Yes.", "…"]
        return Draft(
            (next(text for text in tiny if len(text) <= limit),),
            (f"max_length {limit} is too short for an article; this is one sentence",),
        )
    if len(kept) < brief.paragraphs:
        room = f"max_length {limit} leaves room for {len(kept)} of {brief.paragraphs} paragraphs"
        return Draft(kept, (room,))
    return Draft(kept)


def _joined(paragraphs: list[list[str]]) -> tuple[str, ...]:
    return tuple(" ".join(sentences) for sentences in paragraphs if sentences)


def _length(paragraphs: list[list[str]]) -> int:
    return len(Draft(_joined(paragraphs)).text)
