"""A learner finds the programs to copy, wherever a lesson runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resonance_helpers import example
from resonance_helpers.lesson import examples
from workshop import bundle

ROOT = Path(__file__).resolve().parents[2]
SHOWN = "import resonance_helpers as r; print(r.example('newsroom').copy().resolve())"


def copied_in(folder: Path, project: Path) -> Path:
    """Where a kernel that starts in `folder` puts a copy, its package being that of `project`."""
    environment = os.environ | {"HOME": str(folder), "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-c", SHOWN],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


@pytest.mark.parametrize("place", ["my-lessons", "home of Ada/lessons"])
def test_from_a_working_copy_and_from_a_seat_of_a_hub(place: str, tmp_path: Path) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)

    copy = copied_in(folder, ROOT)

    assert copy == (folder / "newsroom.py").resolve()
    assert copy.read_bytes() == (ROOT / "examples" / "newsroom.py").read_bytes()


def test_from_a_bundle(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "lessons"
    folder.mkdir()
    for path in bundle.files():
        if path.startswith(("resonance_", "examples/")):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, project / path)

    copied_in(folder, project)

    assert (folder / "newsroom.py").is_file()
    assert (project / "examples" / "newsroom.py").is_file()


def test_a_copy_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "newsroom.py").write_text("mine")
    with pytest.raises(FileExistsError):
        example("newsroom").copy(tmp_path)
    assert (tmp_path / "newsroom.py").read_text() == "mine"


def test_it_shows_itself_as_code() -> None:
    shown = example("webhooks_flask.py")
    assert repr(shown).startswith('"""Events of ResonanceOS in a Flask application.')
    assert shown._repr_markdown_().startswith("```python\n")


def test_an_unknown_name_lists_what_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(LookupError, match=r"no example 'news'; there are .*newsroom"):
        example("news")
    monkeypatch.setattr(examples, "EXAMPLES", tmp_path / "examples")
    with pytest.raises(LookupError, match="from a clone of the project"):
        example("newsroom")
