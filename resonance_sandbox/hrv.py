"""The vocabulary of Human-Resonant Value (HRV): eight dimensions, their ranges, a vector type.

Everything else in the package speaks of HRV in these terms; this module imports nothing of ours.

>>> target = HRVVector([.6, .3, .4, .7, .5, .3, .4, .8])
>>> target.emotional_valence
0.3
>>> target.feedback(target)
1.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DIMENSIONS", "NAMES", "Dimension", "HRVVector"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One axis of HRV: its name in the API, its closed range, and what a high value means."""

    name: str
    low: float
    high: float
    meaning: str

    @property
    def span(self) -> float:
        """Length of the range: 1 for most dimensions, 2 for `emotional_valence`."""
        return self.high - self.low

    @property
    def label(self) -> str:
        """The name as people read it: ``"sentence variance"``."""
        return self.name.replace("_", " ")


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension("sentence_variance", 0, 1, "short and long sentences take turns"),
    Dimension("emotional_valence", -1, 1, "the feeling is positive, not negative"),
    Dimension("emotional_intensity", 0, 1, "the feeling is strong, whichever its sign"),
    Dimension("assertiveness_index", 0, 1, "claims are made firmly, with few hedges"),
    Dimension("curiosity_index", 0, 1, "the text asks, wonders and invites"),
    Dimension("metaphor_density", 0, 1, "one thing is told in terms of another"),
    Dimension("storytelling_index", 0, 1, "people do things, one after another"),
    Dimension("active_voice_ratio", 0, 1, "the doer is the subject of the sentence"),
)
"""The eight dimensions, in the order of every `hrv_vector` of the API."""

NAMES: tuple[str, ...] = tuple(dimension.name for dimension in DIMENSIONS)
"""The names of the eight dimensions, in order."""


class HRVVector(tuple[float, ...]):
    """Eight numbers, one for each of `DIMENSIONS`, each checked to lie in its range.

    A tuple, so that it goes into JSON as the API wants it; each value is also an attribute by
    its dimension's name.

    Raises:
        TypeError: `values` is no sequence of numbers.
        ValueError: not eight of them, one is not finite, or one is out of its range; the
            message names the dimension and the range.
    """

    __slots__ = ()

    def __new__(cls, values: Iterable[float]) -> HRVVector:
        if isinstance(values, str | bytes | Mapping):
            raise TypeError(f"an HRV vector is a list of {len(NAMES)} numbers, not {_a(values)}")
        try:
            listed = list(values)
        except TypeError:
            raise TypeError(
                f"an HRV vector is a list of {len(NAMES)} numbers, not {_a(values)}"
            ) from None
        if len(listed) != len(DIMENSIONS):
            raise ValueError(
                f"an HRV vector has {len(DIMENSIONS)} numbers ({', '.join(NAMES)}); "
                f"this one has {len(listed)}"
            )
        return super().__new__(cls, map(_checked, DIMENSIONS, listed))

    @classmethod
    def from_mapping(cls, values: Mapping[str, float]) -> HRVVector:
        """A vector from ``{dimension name: value}``; every dimension has to be there."""
        missing = [name for name in NAMES if name not in values]
        unknown = [name for name in values if name not in NAMES]
        if missing or unknown:
            raise ValueError(
                "; ".join(
                    f"{what} dimensions: {', '.join(names)}"
                    for what, names in (("missing", missing), ("unknown", unknown))
                    if names
                )
            )
        return cls(values[name] for name in NAMES)

    def as_dict(self) -> dict[str, float]:
        """``{dimension name: value}``, in the API's order."""
        return dict(zip(NAMES, self, strict=True))

    def gaps(self, target: Iterable[float]) -> dict[str, float]:
        """How far each value lies from `target`'s, as a share of its dimension's range, 0..1."""
        other = HRVVector(target)
        return {
            dimension.name: abs(mine - theirs) / dimension.span
            for dimension, mine, theirs in zip(DIMENSIONS, self, other, strict=True)
        }

    def feedback(self, target: Iterable[float]) -> float:
        """How near this vector comes to `target`.

        ``1 - mean(|gap| / range)``; 1 is exact, 0 is as far as can be.
        """
        return 1 - math.fsum(self.gaps(target).values()) / len(DIMENSIONS)

    def __getattr__(self, name: str) -> float:
        try:
            return self[NAMES.index(name)]
        except ValueError:
            known = ", ".join(NAMES)
            raise AttributeError(f"an HRV vector has no {name!r}; it has {known}") from None

    def __getnewargs__(self) -> tuple[tuple[float, ...]]:
        return (tuple(self),)

    def __repr__(self) -> str:
        return f"HRVVector([{', '.join(f'{value:.4g}' for value in self)}])"


def _checked(dimension: Dimension, value: Any) -> float:
    # Not `isinstance(value, float)`: numpy's scalars are numbers too, of a class of their own.
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{dimension.name} is {_a(value)}, not a number")
    try:
        number = float(value)
    except TypeError:  # a row of a table
        raise TypeError(f"{dimension.name} is {_a(value)}, not a number") from None
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{dimension.name} is not a finite number")
    if not dimension.low <= number <= dimension.high:
        raise ValueError(
            f"{dimension.name} is {number:g}; its range is {dimension.low:g} to {dimension.high:g}"
        )
    return number


def _a(value: object) -> str:
    return f"a {type(value).__name__}"
