"""Derive the scales of the eight dimensions from passages of ordinary prose.

    python benchmarks/scales.py            # print them, and how each register measures
    python benchmarks/scales.py --write    # rewrite resonance_helpers/sandbox/scoring/scales.json

The ends of a scale are the 5th and the 95th percentile of the raw statistic over the passages of
`prose.txt`. Valence has two signs, so its ends are plus and minus the 95th percentile of its size;
the active ratio is a share and keeps its own 0 and 1. The scales were frozen before the writer was
tuned; a test holds the committed file to this derivation.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from resonance_sandbox import scoring
from resonance_sandbox.scoring.measures import MEASURES, raw_statistics
from resonance_sandbox.scoring.text import sentences

PROSE = Path(__file__).with_name("prose.txt")


def passages() -> dict[str, str]:
    """The passages by their numbered headings."""
    blocks = PROSE.read_text(encoding="utf-8").split("\n# ")[1:]
    parted = (block.partition("\n") for block in blocks)
    return {f"{n}. {head}": body.strip() for n, (head, _, body) in enumerate(parted, 1)}


def raw(text: str) -> tuple[float, ...]:
    """The raw statistics of one passage."""
    found = [scoring.cues_of(sentence) for sentence in sentences(text)]
    return raw_statistics(scoring.counts_of(found))


def derive() -> dict[str, list[float]]:
    """Per dimension, the raw values at the two ends of its range."""
    rows = [raw(text) for text in passages().values()]
    columns = dict(zip((m.name for m in MEASURES), zip(*rows, strict=True), strict=True))
    scales = {}
    for name, values in columns.items():
        if name == "active_voice_ratio":
            low, high = 0.0, 1.0
        elif name == "emotional_valence":
            high = _percentile([abs(value) for value in values], 95)
            low = -high
        else:
            low, high = _percentile(values, 5), _percentile(values, 95)
        scales[name] = [round(low, 4), round(high, 4)]
    return scales


def _percentile(values: list[float] | tuple[float, ...], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="rewrite scales.json")
    options = parser.parse_args()
    for head, text in passages().items():
        print(f"{head:<42}", "  ".join(f"{value:6.3f}" for value in raw(text)))
    scales = derive()
    for name, (low, high) in scales.items():
        print(f"{name:<22} {low:8.4f} {high:8.4f}")
    if options.write:
        rows = ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(ends)}" for name, ends in scales.items()
        )
        target = Path(scoring.__file__).with_name("scales.json")
        target.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
        print("written:", target.name)


if __name__ == "__main__":
    main()
