"""Reading what `generate_content` answers: its parts, its measures against target, its evidence.

Each function takes an answer as it came from the client and returns a plain pandas frame. An
answer that is an error raises the client's own exception for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

from resonance_sandbox.hrv import DIMENSIONS, HRVVector

from . import plots

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PARTS",
    "ArticleView",
    "against_target",
    "anatomy",
    "evidence",
    "first_sentence",
    "radar",
    "read",
    "sweep",
]

PARTS: dict[str, str] = {
    "article": "the text, paragraphs parted by a blank line",
    "paragraphs": "each with its own text, vector and feedback",
    "hrv_feedback": "how near the article is to its target: 1 is exact",
    "hrv_vector": "the eight dimensions, measured on the article",
    "target_hrv": "the eight dimensions that the profile asks for",
    "tenant": "whose profile it was",
    "profile_name": "the profile used",
    "content_length": "characters in the article",
    "generation_time": "seconds that the server took to write",
    "created_at": "when, in UTC",
    "seed": "send it again to get the same article",
    "request_id": "what to quote when you ask for help",
    "warnings": "what the server did not understand and left out",
}
"""Each part of an answer and what it holds."""


def anatomy(answer: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each part of an answer: its type in JSON, its size, what it holds."""
    import pandas as pd

    names = [name for name in PARTS if name in answer] + [n for n in answer if n not in PARTS]
    return pd.DataFrame(
        {
            "type": [_json_type(answer[name]) for name in names],
            "holds": [PARTS.get(name, "") for name in names],
        },
        index=pd.Index(names, name="part"),
    )


class ArticleView:
    """An article set for reading: as paragraphs where HTML is shown, else in wrapped lines."""

    def __init__(self, article: str) -> None:
        self.paragraphs = article.split("\n\n")

    def __repr__(self) -> str:
        return "\n\n".join(fill(paragraph, 90) for paragraph in self.paragraphs)

    def _repr_html_(self) -> str:
        set_ = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in self.paragraphs)
        return f'<div style="max-width: 45em; line-height: 1.5">{set_}</div>'


def read(answer: Mapping[str, Any]) -> ArticleView:
    """The article of an answer, in paragraphs that are pleasant to read."""
    return ArticleView(answer["article"])


def against_target(answer: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each dimension: measured, target, and the gap as a share of the range (0..1).

    `hrv_feedback` is 1 less the mean of the gaps.
    """
    import pandas as pd

    measured, target = HRVVector(answer["hrv_vector"]), HRVVector(answer["target_hrv"])
    return pd.DataFrame(
        {"measured": measured, "target": target, "gap": measured.gaps(target).values()},
        index=pd.Index([d.name for d in DIMENSIONS], name="dimension"),
    )


def radar(answer: Mapping[str, Any], title: str = "") -> plots.Picture:
    """The same as a picture: the measured eight over the eight of the target."""
    return plots.radar(answer["hrv_vector"], answer["target_hrv"], title or answer["profile_name"])


def sweep(
    client: Any, prompt: str, parameter: str, values: Iterable[Any], **fixed: Any
) -> pd.DataFrame:
    """Generate once for each value of one parameter, all else equal, and set the answers in rows.

    Args:
        client: A `ResonanceOSAPIClient`.
        prompt: Sent each time.
        parameter: ``"paragraphs"``, ``"max_length"``, ``"temperature"``, ``"seed"`` or
            ``"profile_name"``.
        values: What to set it to, in order.
        fixed: Parameters that stay the same, a `seed` for instance.
    """
    import pandas as pd

    rows = []
    values = list(values)
    for value in values:
        answer = client.generate_content(prompt, **{**fixed, parameter: value})
        row = {
            "paragraphs": len(answer["paragraphs"]),
            "characters": answer["content_length"],
            "feedback": round(answer["hrv_feedback"], 3),
            "begins": first_sentence(answer["article"]),
        }
        row.pop(parameter, None)
        rows.append(row)
    return pd.DataFrame(rows, index=pd.Index(values, name=parameter))


def evidence(answer: Mapping[str, Any]) -> pd.DataFrame:
    """What `POST /hrv` found in a text, a row for each dimension.

    It has the value, the numbers that went into it, and the words or sentences counted. The words
    and sentences of the whole text are the same for all: the first row has them.
    """
    import pandas as pd

    found = answer["evidence"]
    counts = [dict(found[d.name].get("counts", {})) for d in DIMENSIONS]
    for later in counts[1:]:
        for of_all in counts[0].keys() & {"words", "sentences"}:
            later.pop(of_all, None)
    return pd.DataFrame(
        {
            "value": [round(v, 2) for v in HRVVector(answer["hrv_vector"])],
            "counts": [_listed(count) for count in counts],
            "found": [_few(found[d.name].get("found", [])) for d in DIMENSIONS],
        },
        index=pd.Index([d.name for d in DIMENSIONS], name="dimension"),
    )


def first_sentence(article: str, width: int = 48) -> str:
    """How an article begins, cut at a word where it is longer than `width` characters."""
    sentence = re.split(r"(?<=[.!?])\s", article.strip(), maxsplit=1)[0]
    return shorten(sentence, width, placeholder=" …")


def _json_type(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, list | tuple):
        inside = {_json_type(item) for item in value}
        return f"{len(value)} x {inside.pop()}" if len(inside) == 1 else f"array of {len(value)}"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "number"


def _listed(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number:g}" for name, number in counts.items())


def _few(found: Iterable[Any], most: int = 6) -> str:
    items = [
        f"{item['sentence']} ({item['compound']:+.2f})" if isinstance(item, Mapping) else str(item)
        for item in found
    ]
    return " · ".join(items[:most] + (["…"] if len(items) > most else []))
