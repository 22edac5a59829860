"""A cell marked ``# sandbox only`` runs on a sandbox, and says elsewhere that it is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from resonance_helpers.lesson import sandbox_only
from resonance_helpers.lesson.sandbox_only import follow, is_marked


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    shell = InteractiveShell()
    monkeypatch.setattr(sandbox_only, "shell", lambda: shell)
    yield shell
    follow(True)


MARKED = "# sandbox only\nran = True\nprint('ran')"


def test_it_follows_the_latest_connection(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(MARKED)
    for on_sandbox in (False, True, False, False):
        follow(on_sandbox)
        shell.user_ns.pop("ran", None)
        capsys.readouterr()
        result = shell.run_cell(MARKED)
        assert result.success
        assert ("ran" in shell.user_ns) is on_sandbox
        said = capsys.readouterr().out
        assert said == "ran\n" if on_sandbox else said.startswith("Skipped: this cell needs")
        assert said.count("\n") == 1
    assert shell.input_transformers_cleanup.count(sandbox_only._skip) == 1


@pytest.mark.parametrize(
    "source",
    [
        "ran = True",
        "ran = True  # sandbox only",
        "ran = True\n# sandbox only",
        "# sandbox only, as it were\nran = True",
        "text = '''\n# sandbox only\n'''\nran = True",
    ],
)
def test_no_other_cell_is_touched(shell: InteractiveShell, source: str) -> None:
    follow(False)
    assert shell.run_cell(source).success
    assert shell.user_ns["ran"]


def test_a_marked_cell_that_python_could_not_read_is_skipped_too(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(False)
    assert shell.run_cell("\n\n  # sandbox only  \n%%nonsense (").success
    assert "Skipped" in capsys.readouterr().out


def test_without_ipython_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_only, "shell", lambda: None)
    follow(False)
    assert is_marked("# sandbox only\nx")
    follow(True)
