"""What a build of the site leaves, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs import __main__ as docs


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site of an earlier build."""
    monkeypatch.setattr(docs, "SITE", tmp_path / "site")
    monkeypatch.setattr(docs, "DRAFT", tmp_path / "site-draft")
    monkeypatch.setattr(docs, "gather", lambda _: None)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("whole")
    return tmp_path / "site"


def build(monkeypatch: pytest.MonkeyPatch, ends: Callable[[], int]) -> int:
    def sphinx(arguments: list[str]) -> int:
        Path(arguments[-1]).mkdir()
        (Path(arguments[-1]) / "index.html").write_text("new")
        return ends()

    monkeypatch.setattr(docs, "sphinx", sphinx)
    return docs.main()


def fills_the_disk() -> int:
    raise OSError(28, "No space left on device")


def is_stopped() -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("ends", "code"), [(lambda: 1, 1), (fills_the_disk, 1), (is_stopped, 130)])
def test_the_last_good_site_stays_until_another_is_whole(
    site: Path, monkeypatch: pytest.MonkeyPatch, ends: Callable[[], int], code: int
) -> None:
    assert build(monkeypatch, ends) == code
    assert (site / "index.html").read_text() == "whole"
    assert build(monkeypatch, lambda: 0) == 0
    assert (site / "index.html").read_text() == "new"
