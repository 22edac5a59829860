from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from resonance_helpers.cli.main import main
from resonance_helpers.cli.verdict_files import write_files

COMMANDS = {
    "judge": ["--", "a-program-that-is-not-run"],
    "conform": ["http://127.0.0.1:1"],
}


@pytest.mark.parametrize("option", ["--json", "--junit"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_is_no_file_and_nothing_is_run(
    command: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, option, str(tmp_path), *COMMANDS[command]]) == 2
    told = capsys.readouterr().err
    assert told == f"resonance: {tmp_path} is a folder. Fix: name a file in it\n"


@pytest.mark.parametrize("kind", ["json", "junit", "html"])
def test_verdicts_that_cannot_be_written_are_no_broken_promise(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the code of the command, which a pipeline reads."""
    file = tmp_path / "deleted meanwhile" / "verdicts"
    options = argparse.Namespace(**{"json": None, "junit": None, "html": None, kind: file})
    with pytest.raises(SystemExit) as ended:
        write_files(options, {}, lambda: b"", lambda: "")
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"resonance: not written: {file}: No such file or directory\n"
