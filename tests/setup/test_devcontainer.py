"""The folder that VS Code and Codespaces read: it names what is there."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from resonance_helpers.cli import lab
from resonance_helpers.cli.copies import MY_LESSONS
from resonance_helpers.lesson.manifest import WELCOME

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))


def test_it_sets_up_and_opens_the_welcome_page_among_the_working_copies() -> None:
    words = shlex.split(SETTINGS["postCreateCommand"])
    assert words[:3] == ["python3", "bootstrap.py", "&&"]
    assert callable(lab.working_copies)
    assert words[-1] == "from resonance_helpers.cli.lab import working_copies; working_copies()"
    place = f"{MY_LESSONS.name}/{WELCOME.filename}"
    assert SETTINGS["customizations"]["codespaces"]["openFiles"] == [place]
    interpreter = SETTINGS["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter.endswith("/.venv/bin/python")
