"""Fields of life, and what an article of each can speak of: `domains.txt`, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

__all__ = ["SLOTS", "Domain", "domain_of", "domains"]

SLOTS = ("people", "job", "group", "place", "things", "work", "gain", "loss", "metric", "event")


@dataclass(frozen=True, slots=True)
class Domain:
    """One field: its name and, per slot, the phrases that fill it."""

    name: str
    fillers: dict[str, tuple[str, ...]]
    keys: frozenset[str]  #: whole words
    stems: tuple[str, ...]  #: beginnings of words

    def score(self, words: list[str]) -> float:
        """How many of `words` point here; the earlier a word, the more it counts."""
        return sum(
            1 / (1 + 0.1 * position)
            for position, word in enumerate(words)
            if word in self.keys or word.startswith(self.stems)
        )


@lru_cache(maxsize=1)
def domains() -> tuple[Domain, ...]:
    """All of them, "general" last."""
    text = files(__package__).joinpath("domains.txt").read_text(encoding="utf-8")
    return tuple(_read(block) for block in text.split("\n== ")[1:])


def _read(block: str) -> Domain:
    name, _, body = block.partition("\n")
    rows = dict(line.split(":", 1) for line in body.strip().splitlines())
    listed = {slot: _items(row) for slot, row in rows.items()}
    keys = listed.pop("keys")
    return Domain(
        name.strip(),
        listed,
        frozenset(key for key in keys if not key.endswith("*")),
        # A tuple that matches nothing when empty, as `startswith` wants it.
        tuple(key[:-1] for key in keys if key.endswith("*")),
    )


def _items(row: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in row.split(",") if item.strip())


def domain_of(*texts: str) -> Domain:
    """The field to which `texts` point; a word in an earlier text counts for more."""
    words = [word for text in texts for word in re.findall(r"[a-z0-9-]+", text.lower()[:2_000])][
        :80
    ]
    return max(
        domains(), key=lambda domain: domain.score(words) + 0.01 * (domain.name == "general")
    )
