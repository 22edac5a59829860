"""The feedback loop: sentences are proposed, measured, and kept where they bring the target nearer.

A draft's distance is known from ten sums over its sentences, so that a swap is judged in
microseconds. Most swaps are judged on estimates (`features`); the last rounds write the sentence
out and measure it as any reader's text is measured, so what is kept is kept for its real measure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from ..hrv import DIMENSIONS, HRVVector
from ..scoring.measures import SCALES
from .features import Features
from .grammar import Variant
from .plan import Place

__all__ = ["Candidate", "Distance", "Draughtsman"]

_SAME_OPENING = 0.03
_SAME_KIND = 0.03
_NAMED_AGAIN = 0.006
_UNRELATED = 0.012
_MOOD_SWING = 0.04
_STRONG_MOOD = 0.35  # of VADER's compound
_NAMED = 0.33  # the least share of sentences that name the subject


class Candidate:
    """A variant, what it measures (by estimate), and a bias that exploration gives it."""

    __slots__ = ("bias", "features", "variant")

    def __init__(self, variant: Variant, features: Features, bias: float) -> None:
        self.variant = variant
        self.features = features
        self.bias = bias


class Distance:
    """How far a draft is from its target, as a function of its sums."""

    def __init__(self, target: HRVVector) -> None:
        self._rows = tuple(
            (SCALES[d.name][0], SCALES[d.name][1] - SCALES[d.name][0], (t - d.low) / d.span)
            for d, t in zip(DIMENSIONS, target, strict=True)
        )

    def __call__(self, sentences: int, sums: tuple[float, ...] | list[float]) -> float:
        """Mean share of each range by which the draft misses; a far miss counts for more."""
        words, squared, felt, affect, firmness, curiosity, figures, narrative, passives, named = (
            sums
        )
        mean = words / sentences
        spread = squared / sentences - mean * mean
        raw = (
            math.sqrt(spread) / mean if spread > 0 else 0.0,
            felt / words,
            affect / words,
            100 * firmness / words,
            curiosity / sentences,
            figures / sentences,
            100 * narrative / words,
            1 - passives / sentences,
        )
        total = 0.0
        for value, (low, span, wanted) in zip(raw, self._rows):  # noqa: B905 (hot path)
            share = (value - low) / span
            if share < 0:
                share = 0.0
            elif share > 1:
                share = 1.0
            gap = share - wanted if share > wanted else wanted - share
            total += gap + gap * gap
        unnamed = _NAMED - named / sentences
        return total / 8 + (unnamed if unnamed > 0 else 0.0) / 2


class Draughtsman:
    """One article in the making: a candidate for each place, and the sums of all."""

    def __init__(
        self,
        places: list[Place],
        pools: dict[str, list[Candidate]],
        target: HRVVector,
        rng: random.Random,
    ) -> None:
        self.places = places
        self._pools = pools
        self._distance = Distance(target)
        self._rng = rng
        self._used: set[str] = set()
        self.chosen: list[Candidate] = []
        self.features: list[Features] = []
        for place in places:
            self.chosen.append(self._first(place))
            self._used.add(self.chosen[-1].variant.frame.text)
        self._measure([candidate.features for candidate in self.chosen])

    def _measure(self, features: list[Features]) -> None:
        self.features = features
        self._sums = [math.fsum(column) for column in zip(*features, strict=True)]

    def _first(self, place: Place) -> Candidate:
        for role in place.roles:
            free = [c for c in self._pools[role] if c.variant.frame.text not in self._used]
            if free:
                return self._rng.choice(free)
        free = [
            c
            for role in ("develop", "evidence", "contrast", "mid", "question")
            for c in self._pools[role]
            if c.variant.frame.text not in self._used
        ]
        return self._rng.choice(free)

    @property
    def distance(self) -> float:
        """How far the draft is from its target now."""
        return self._distance(len(self.features), self._sums)

    def sweep(self, tries: int) -> None:
        """Offer each place, in random order, `tries` candidates; keep the best."""
        order = list(range(len(self.places)))
        self._rng.shuffle(order)
        for index in order:
            best = self._best(index, tries)
            if best is not None:
                self._put(index, best, best.features)

    def refine(self, rounds: int, tries: int, write: Callable[[int, Variant], Features]) -> None:
        """As `sweep`, but judged by what `write` says the written sentence measures."""
        self._measure([write(i, c.variant) for i, c in enumerate(self.chosen)])
        order = list(range(len(self.places)))
        self._rng.shuffle(order)
        for turn in range(rounds):
            index = order[turn % len(order)]
            best = self._best(index, tries)
            if best is None:
                continue
            written = write(index, best.variant)
            now = self.distance + self._manners(index, self.chosen[index])
            sums = self._without(index)
            then = self._distance(
                len(self.places), [a + b for a, b in zip(sums, written, strict=True)]
            ) + self._manners(index, best)
            if then < now:
                self._put(index, best, written)

    def _put(self, index: int, candidate: Candidate, features: Features) -> None:
        self._sums = [a + b for a, b in zip(self._without(index), features, strict=True)]
        self._used.discard(self.chosen[index].variant.frame.text)
        self._used.add(candidate.variant.frame.text)
        self.chosen[index] = candidate
        self.features[index] = features

    def _without(self, index: int) -> list[float]:
        return [a - b for a, b in zip(self._sums, self.features[index], strict=True)]

    def _best(self, index: int, tries: int) -> Candidate | None:
        """The best of `tries` candidates for a place, if better than the one that stands there."""
        rest = self._without(index)
        count = len(self.places)
        standing = self.chosen[index]
        own = standing.variant.frame.text
        best = None
        least = self.distance + standing.bias + self._manners(index, standing) - 1e-9
        distance = self._distance
        r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 = rest
        for candidate in self._offered(index, tries):
            frame = candidate.variant.frame.text
            if frame in self._used and frame != own:
                continue
            f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 = candidate.features
            sums = (
                *(r0 + f0, r1 + f1, r2 + f2, r3 + f3, r4 + f4),
                *(r5 + f5, r6 + f6, r7 + f7, r8 + f8, r9 + f9),
            )
            value = distance(count, sums) + candidate.bias
            if value < least:
                value += self._manners(index, candidate)
                if value < least:
                    best, least = candidate, value
        return best

    def _offered(self, index: int, tries: int) -> list[Candidate]:
        roles = self.places[index].roles
        pool = (
            [c for role in roles for c in self._pools[role]]
            if len(roles) > 1
            else self._pools[roles[0]]
        )
        return pool if len(pool) <= tries else self._rng.sample(pool, tries)

    def _manners(self, index: int, candidate: Candidate) -> float:
        """What reads badly beside its neighbours, as a distance.

        That is the same beginning, two questions or two asides in a row, the subject named again at
        once, nothing in common, a sudden change of mood.
        """
        cost = 0.0
        mine = candidate.variant
        mood = candidate.features.felt / candidate.features.words
        for other in (index - 1, index + 1):
            if not 0 <= other < len(self.chosen):
                continue
            neighbour = self.chosen[other]
            theirs = neighbour.variant
            if theirs.opening == mine.opening:
                cost += _SAME_OPENING
            if theirs.frame.role == mine.frame.role == "reflect" or (theirs.asks and mine.asks):
                cost += _SAME_KIND
            if theirs.mentions and mine.mentions:
                cost += _NAMED_AGAIN
            if self.places[other].paragraph != self.places[index].paragraph:
                continue
            if not (mine.threads & theirs.threads):
                cost += _UNRELATED
            if "contrast" not in (mine.frame.role, theirs.frame.role):
                their_mood = neighbour.features.felt / neighbour.features.words
                if mood * their_mood < 0 and min(abs(mood), abs(their_mood)) > _STRONG_MOOD:
                    cost += _MOOD_SWING
        return cost
