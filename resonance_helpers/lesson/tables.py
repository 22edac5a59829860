"""How a notebook shows a table: text to the left, numbers to the right, and one header row.

A frame of pandas shows itself with all columns to the right, whole numbers with a point once a
value is missing, and a second header row for the name of the index. `connect()` has notebooks show
frames as `as_html` and `as_text` do, in JupyterLab and on the site alike. The frames stay as they
are.
"""

from __future__ import annotations

import math
from html import escape
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_html", "as_text", "show_in"]

HOMES = ("pandas", "pandas.core.frame")
"""The modules that a frame's class says it is from, in one version or another."""
MOST_ROWS = 60
"""A longer frame is shown by its `FEW` first and last rows."""
FEW = 5
MOST_COLUMNS = 20
DECIMALS = 6


def show_in(shell: Any) -> None:
    """Have IPython show frames so. Pandas is not imported for it."""
    formatters = shell.display_formatter.formatters
    for home in HOMES:
        formatters["text/html"].for_type_by_name(home, "DataFrame", as_html)
        formatters["text/plain"].for_type_by_name(
            home, "DataFrame", lambda frame, printer, cycle: printer.text(as_text(frame))
        )


def as_html(frame: pd.DataFrame) -> str:
    """A frame as a table of HTML."""
    if not _is_plain(frame):
        return str(frame.to_html())
    columns, note = _columns(frame)
    sides = ["right" if numeric else "left" for _, _, numeric in columns]
    head = "".join(
        f'<th scope="col" style="text-align: {side}">{escape(title)}</th>'
        for side, (title, _, _) in zip(sides, columns, strict=True)
    )
    rows = []
    for cells in zip(*(texts for _, texts, _ in columns), strict=True):
        first, *rest = (
            f'style="text-align: {side}">{escape(text)}'
            for side, text in zip(sides, cells, strict=True)
        )
        body = "".join(f"<td {cell}</td>" for cell in rest)
        rows.append(f'<tr><th scope="row" {first}</th>{body}</tr>')
    table = "\n".join(
        [
            '<table class="dataframe">',
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody></table>",
        ]
    )
    return table + (f"\n<p>{escape(note)}</p>" if note else "")


def as_text(frame: pd.DataFrame) -> str:
    """A frame as lines of text."""
    if not _is_plain(frame):
        return str(frame)
    columns, note = _columns(frame)
    wide = [max(map(len, (title, *texts))) for title, texts, _ in columns]
    lines = zip(*((title, *texts) for title, texts, _ in columns), strict=True)
    told = [
        "  ".join(
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, (_, _, numeric) in zip(line, wide, columns, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*told, note] if note else told)


def _is_plain(frame: pd.DataFrame) -> bool:
    """Whether it has one header, one index, and no more columns than can be read."""
    levels = max(frame.columns.nlevels, frame.index.nlevels)
    return levels == 1 and len(frame.columns) <= MOST_COLUMNS


def _columns(frame: pd.DataFrame) -> tuple[list[tuple[str, list[str], bool]], str]:
    """(title, texts, numeric?) of the index and each column; and how much there is, if not all."""
    long = len(frame) > MOST_ROWS
    names = [frame.index.name, *frame.columns]
    values = [list(frame.index), *(list(frame.iloc[:, i]) for i in range(len(frame.columns)))]
    columns = []
    for name, column in zip(names, values, strict=True):
        numeric = any(_is_number(value) for value in column) and all(
            _is_number(value) or _is_missing(value) for value in column
        )
        texts = _numbers(column) if numeric else [_text(value) for value in column]
        if long:
            texts = [*texts[:FEW], "…", *texts[-FEW:]]
        columns.append(("" if name is None else str(name), texts, numeric))
    return columns, f"{len(frame)} rows by {len(frame.columns)} columns" if long else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not _is_missing(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, Real) and math.isnan(value)) or str(value) == "<NA>"


def _numbers(column: list[Any]) -> list[str]:
    """With as many decimals as the column needs, and none where all are whole."""
    needed = 0
    for value in column:
        if not _is_missing(value) and not isinstance(value, Integral) and math.isfinite(value):
            written = f"{float(value):.{DECIMALS}f}".rstrip("0")
            needed = max(needed, len(written.partition(".")[2]))
    return ["" if _is_missing(value) else f"{value:.{needed}f}" for value in column]


def _text(value: Any) -> str:
    return "" if _is_missing(value) else str(value)
