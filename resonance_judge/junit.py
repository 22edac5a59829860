"""Verdicts as a JUnit file, for a CI to show."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from .promises import Word

__all__ = ["junit"]

_TAGS = {"broken": "failure", "not shown": "skipped", "error": "error"}


def junit(
    name: str, kind: str, cases: Iterable[tuple[str, Word, str, str]], *, error: str = ""
) -> bytes:
    """A test case for each verdict: a broken one failed, one that was not shown was skipped.

    Args:
        name: of the suite.
        kind: what the verdicts are on, as "promises".
        cases: of each the name, the verdict, what shows it, and what more there is to say.
        error: why nothing could be judged; a case of its own, which ended with an error.
    """
    rows: list[tuple[str, str, str, str]] = [*cases]
    if error:
        rows.append((name, "error", error, ""))
    words = [word for _, word, _, _ in rows]
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(rows)),
        failures=str(words.count("broken")),
        errors=str(words.count("error")),
        skipped=str(words.count("not shown")),
    )
    for title, word, shown_by, more in rows:
        case = ElementTree.SubElement(suite, "testcase", classname=kind, name=title)
        if word in _TAGS:
            told = ElementTree.SubElement(case, _TAGS[word], message=_printable(shown_by))
            told.text = _printable(more) if word == "broken" else None
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def _printable(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
