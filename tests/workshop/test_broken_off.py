"""A command that was broken off at any file goes on when it is given again."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from authoring import editions
from resonance_helpers.lesson.manifest import available
from tests.support.broken_off import full_after
from workshop import bundle
from workshop.bundle import Target

ROOT = Path(__file__).resolve().parents[2]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def at_every_file(command: Callable[[Path], object], folder: Path) -> int:
    """Break `command` off at its first change, at its second, ...; it goes on each time, and what
    is there in the end is what a whole run leaves. How often it was broken off."""
    command(folder / "whole")
    wanted = tree(folder / "whole")
    for changes in itertools.count():
        out = folder / str(changes)
        try:
            with full_after(changes, out):
                command(out)
        except OSError:
            command(out)
            assert tree(out) == wanted, f"broken off after {changes} changes"
        else:
            assert tree(out) == wanted
            return changes
    raise AssertionError


def test_editions(tmp_path: Path) -> None:
    lessons = available()[:2]
    broken = at_every_file(lambda out: editions.write("student", out, lessons), tmp_path)
    print(f"editions: broken off {broken} times, continued {broken} times")
    assert broken >= 9


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three files, and a site of one."""
    project = tmp_path / "project"
    for name in ("bootstrap.py", "workshop/hub.py", "docs/conf.py", "build/site/index.html"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f"# {name}\n")
    for name in ("requirements.lock", "requirements-uv.lock", "pyproject.toml"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run(["git", "add", "bootstrap.py", "workshop", "docs"], cwd=project, check=True)
    monkeypatch.setattr(bundle, "ROOT", project)
    monkeypatch.setattr(bundle, "SITE", project / "build" / "site")
    monkeypatch.setattr(bundle, "install_proxy", lambda: None)
    monkeypatch.setattr(bundle, "WHOLE", project / "no proxy")

    def download(blocks: list[str], wheels: Path, target: Target) -> None:
        (wheels / "a.whl").write_bytes(b"wheel")

    monkeypatch.setattr(bundle, "download", download)
    lessons = available()[:1]
    monkeypatch.setattr(
        bundle, "student_edition", lambda folder: editions.write("student", folder, lessons)
    )
    return tmp_path


def test_a_bundle(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = at_every_file(lambda out: bundle.make(out, [Target()]), small / "out")
    with capsys.disabled():
        print(f"bundle: broken off {broken} times, continued {broken} times")
    assert broken >= 20
    assert not (small / "out" / "whole" / bundle.UNFINISHED).exists()


def installer(stick: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", stick / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_installation(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = small / "stick"
    bundle.make(stick, [Target()])
    install = installer(stick)

    def put(command: list[str]) -> None:  # what seat.py --put does, in this process
        from resonance_helpers.cli.copies import update

        update(Path(command[-2]), Path(command[-1]))

    monkeypatch.setattr(install.subprocess, "call", lambda *command, env: 0)
    monkeypatch.setattr(install.subprocess, "check_call", put)

    def command(out: Path) -> None:
        monkeypatch.setattr(sys, "argv", ["install.py", str(out)])
        assert install.main() == 0

    broken = at_every_file(command, small / "laptops")
    with capsys.disabled():
        print(f"installation: broken off {broken} times, continued {broken} times")
    assert broken >= 12


def test_nobody_installs_from_half_a_bundle(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = small / "stick"
    bundle.make(stick, [Target()])
    install = installer(stick)
    (stick / bundle.UNFINISHED).touch()
    assert install.main() == 1
    assert "not whole" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs another user's folder")
@pytest.mark.parametrize("when", ["before", "in the last moment"])
def test_a_folder_of_another_user_is_not_installed_into(
    when: str, small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stick, theirs = small / "stick", small / "theirs"
    bundle.make(stick, [Target()])
    install = installer(stick)
    made = Path.mkdir

    def make_it_theirs() -> None:
        made(theirs)
        os.chown(theirs, 52_000, 52_000)

    def mkdir(path: Path, *given: object, **options: object) -> None:
        if path == theirs:
            make_it_theirs()
        made(path, *given, **options)  # type: ignore[arg-type]

    if when == "before":
        make_it_theirs()
    else:
        monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(sys, "argv", ["install.py", str(theirs)])
    assert install.main() == 1
    assert "belongs to another user" in capsys.readouterr().out
    assert not list(theirs.iterdir())


def test_a_path_that_an_old_code_page_lacks_is_said(small: Path) -> None:
    stick, full = small / "stick", small / "Łukasz"
    bundle.make(stick, [Target()])
    full.mkdir()
    (full / "something").touch()
    done = subprocess.run(
        [sys.executable, str(stick / "install.py"), str(full)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"something else in it" in done.stdout
    assert not done.stderr


def test_an_installation_that_is_interrupted_or_has_no_home_is_a_sentence(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = small / "stick"
    bundle.make(stick, [Target()])
    install = installer(stick)

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    monkeypatch.setattr(sys, "argv", ["install.py"])
    assert install.run() == 1
    assert "you have no home folder" in capsys.readouterr().out

    def stopped() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "main", stopped)
    assert install.run() == 1
    assert "interrupted; the same command goes on" in capsys.readouterr().err


def test_a_page_that_is_gone_from_the_site_is_gone_from_the_bundle(small: Path) -> None:
    bundle.make(small / "stick", [Target()])
    (small / "project" / "build" / "site" / "index.html").rename(
        small / "project" / "build" / "site" / "new.html"
    )
    bundle.make(small / "stick", [Target()])
    assert [path.name for path in (small / "stick" / "site").iterdir()] == ["new.html"]
