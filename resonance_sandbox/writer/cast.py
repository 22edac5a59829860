"""Who and what an article speaks of: its people, places and things, the same ones throughout."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .domains import SLOTS, Domain

__all__ = ["Cast", "cast_for"]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HER = _names("""
    Amara Anna Beatriz Carmen Dalia Elif Esther Farah Grace Hana Ingrid Ioana Joan Keiko Leila
    Mara Mei Nadia Noor Olga Priya Rosa Ruth Sana Thea Uma Vera Wanjiru Yasmin Zofia
""")
_HIM = _names("""
    Ahmed Anton Bashir Carlos Daniel Diego Emeka Felix George Hugo Ivan Jonas Kofi Luca Marek
    Mateo Nikhil Omar Pavel Rafael Samir Tariq Theo Umar Viktor Wei Yusuf
""")
_CONSTANT = ("place", "job", "group")
_ALTERNATING = ("people", "work", "gain")


@dataclass(frozen=True, slots=True)
class Cast:
    """Fillers for each slot, by paragraph."""

    turns: tuple[tuple[dict[str, str], dict[str, str]], ...]

    def fillers(self, paragraph: int, sentence: int) -> dict[str, str]:
        """What fills the slots: a paragraph keeps to its things, but does not dwell on one word."""
        return self.turns[paragraph % len(self.turns)][sentence % 2]


def cast_for(domain: Domain, rng: random.Random) -> Cast:
    """Draw a cast from `domain`: one protagonist, one place; the rest takes turns."""
    if rng.random() < 0.5:
        person = {
            "name": rng.choice(_HER),
            "he": "she",
            "him": "her",
            "his": "her",
            "himself": "herself",
        }
    else:
        person = {
            "name": rng.choice(_HIM),
            "he": "he",
            "him": "him",
            "his": "his",
            "himself": "himself",
        }
    drawn = {
        slot: rng.sample(domain.fillers[slot], min(3, len(domain.fillers[slot]))) for slot in SLOTS
    }
    turns = []
    for turn in range(3):
        chosen = {
            slot: options[0] if slot in _CONSTANT else options[turn % len(options)]
            for slot, options in drawn.items()
        }
        also = {slot: drawn[slot][(turn + 1) % len(drawn[slot])] for slot in _ALTERNATING}
        turns.append((chosen | person, chosen | person | also))
    return Cast(tuple(turns))
