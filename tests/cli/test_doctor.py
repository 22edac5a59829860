from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from resonance_helpers.cli import doctor, lab
from resonance_helpers.cli.doctor import Finding, examine
from resonance_helpers.cli.folders import can_be_written, substitutes, written
from resonance_helpers.lesson import connect as tutorial


def only(findings) -> Finding:
    [finding] = findings
    return finding


def test_a_finding_is_one_line_and_its_mend():
    assert str(Finding("port", "free")) == "ok    port: free"
    assert str(Finding("port", "in use", "wait")).splitlines() == [
        "FAIL  port: in use",
        "      fix: wait",
    ]
    assert str(Finding("port", "in use", "wait", fatal=False)).startswith("note  ")


def test_the_exit_code_counts_what_is_fatal():
    bad, note, good = Finding("a", "b", "c"), Finding("a", "b", "c", False), Finding("a", "b")
    lines: list[str] = []

    assert examine(lines.append, [lambda: [good, note]]) == 0
    assert examine(lines.append, [lambda: [good], lambda: [bad, note]]) == 1
    assert lines[-1] == "To fix before the lessons can run: 1."


def test_a_check_that_trips_is_a_finding_and_the_others_go_on():
    lines: list[str] = []

    def kernelspec():
        yield Finding("a", "b")
        raise ValueError("kernel.json is damaged")

    assert examine(lines.append, [kernelspec, lambda: [Finding("next", "fine")]]) == 1
    assert "FAIL  kernelspec: cannot be looked at (ValueError: kernel.json is damaged)" in lines[1]
    assert [lines[0], lines[2]] == ["ok    a: b", "ok    next: fine"]


def test_this_machine_can_run_the_lessons(capsys):
    fatal = [one for check in doctor.CHECKS for one in check() if one.fix and one.fatal]
    assert fatal == []


@pytest.mark.parametrize(
    ("version", "fine"),
    [((3, 10, 9), False), ((3, 11, 0), True), ((3, 15, 2), True), ((3, 16, 0), True)],
)
def test_python(version, fine):
    found = only(doctor.python_version(version))
    assert (found.fatal and bool(found.fix)) != fine
    assert ("newer than what was tested" in found.state) == (version >= (3, 16))


def test_packages(tmp_path: Path, monkeypatch):
    lock = tmp_path / "requirements.lock"
    here = importlib.metadata.version("requests")
    hashes = " \\\n    --hash=sha256:00\n"

    lock.write_text(f"requests=={here}{hashes}nothing-like-it==1 ; python_version < '3'{hashes}")
    assert only(doctor.packages(lock)).state == "1 as in requirements.lock"

    lock.write_text(f"requests==0.1{hashes}nothing-like-it==1 ; python_version > '3'{hashes}")
    missing, other = doctor.packages(lock)
    assert missing.fatal
    assert "nothing-like-it" in missing.state
    assert not other.fatal
    assert f"requests is {here}, not 0.1" in other.state

    assert not only(doctor.packages(tmp_path / "none")).fix


def test_packages_of_conda_are_those_that_lessons_ask_for(tmp_path: Path, monkeypatch):
    asked = doctor.asked_for()
    assert {"requests", "fastapi", "jupyterlab"} <= asked
    assert not {"sphinx", "pytest", "jupyterhub", "anyio"} & asked
    monkeypatch.setattr(doctor, "CONDA", True)
    lock = tmp_path / "requirements.lock"
    here = importlib.metadata.version("requests")
    lock.write_text(f"requests=={here}\nanyio==0.1\nnothing-like-it==1\n")

    found = only(doctor.packages(lock))

    assert not found.fix
    assert found.state == "1 as in requirements.lock"


def test_the_lock_is_read_whole():
    lock = doctor.ROOT / "requirements-lessons.lock"
    lines = [line for line in lock.read_text().splitlines() if "==" in line and line[0].isalnum()]

    assert len(doctor.PINNED.findall(lock.read_text())) == len(lines)


def test_jupyterlab_without_its_widgets(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))

    assert "cannot draw widgets" in only(doctor.jupyterlab()).state


def test_jupyterlab_missing(monkeypatch):
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)

    assert only(doctor.jupyterlab()).state == "not installed"


@pytest.mark.parametrize(
    ("program", "fine"), [("python", True), (sys.executable, True), ("/elsewhere/python", False)]
)
def test_kernelspec(program, fine, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    spec = SimpleNamespace(argv=[program, "-m", "ipykernel_launcher"])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: spec)

    assert bool(only(doctor.kernelspec()).fix) != fine


def test_ports():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        held = only(doctor.ports({port: "wait"}))
    free = only(doctor.ports({port: "wait"}))

    assert (held.state, held.fix, held.fatal) == ("in use", "wait", False)
    assert (free.state, free.fix) == ("free", "")


@pytest.mark.parametrize(
    ("settings", "caught"),
    [
        ({}, False),
        ({"http_proxy": "http://proxy:1"}, True),
        ({"http_proxy": "http://proxy:1", "no_proxy": "localhost"}, True),
        ({"http_proxy": "http://proxy:1", "no_proxy": "localhost,127.0.0.1"}, False),
        ({"https_proxy": "http://proxy:1"}, False),
    ],
)
def test_proxies(settings, caught, monkeypatch):
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    found = only(doctor.proxies())
    assert ("NO_PROXY" in found.fix) == caught
    assert not (found.fix and found.fatal), "lessons go round it"


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="nothing here that has no inside")
def test_folders_that_cannot_be_written_are_told_and_replaced(tmp_path: Path, monkeypatch):
    assert not only(doctor.homes({"JUPYTER_DATA_DIR": tmp_path / "not" / "yet"})).fix
    stuck = {"IPYTHONDIR": tmp_path, "JUPYTER_RUNTIME_DIR": Path("/dev/null/runtime")}
    found = only(doctor.homes(stuck))
    assert "/dev/null/runtime (JUPYTER_RUNTIME_DIR)" in found.state
    assert "IPYTHONDIR" not in found.state
    assert not found.fatal
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/dev/null/runtime")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    there = substitutes(written(), tmp_path / "instead")
    assert there["JUPYTER_RUNTIME_DIR"] == str(tmp_path / "instead" / "jupyter_runtime_dir")
    assert "IPYTHONDIR" not in there


@pytest.mark.skipif(os.name == "nt", reason="users are of POSIX")
def test_a_home_that_is_closed_to_us_cannot_be_written(tmp_path: Path):
    (tmp_path / "closed").mkdir(mode=0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # whom a mode binds
    try:
        assert not can_be_written(tmp_path / "closed" / "home" / ".jupyter")
    finally:
        os.seteuid(me)
        (tmp_path / "closed").chmod(0o700)


def test_without_a_home_it_is_said(tmp_path: Path, monkeypatch):
    assert list(doctor.home()) == []

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(doctor.Path, "home", none)
    assert only(doctor.home()).fix == "set HOME to a folder that you own"
    monkeypatch.setattr(lab, "written", none)
    with pytest.raises(lab.LabError, match="you have no home folder"):
        lab.environment(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machine h login a password b\n", "which lessons do not send"),
        ("default login a password b\n", "an entry for default, which lessons do not send"),
        ("machine 127.0.0.1 login a password b\n", "an entry for 127.0.0.1, which lessons do not"),
        ("machine h nonsense\n", "cannot be read"),
    ],
)
def test_netrc(text: str, says: str, tmp_path: Path, monkeypatch):
    (tmp_path / "netrc").write_text(text)
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    found = only(doctor.netrc_file())
    assert says in found.state
    assert not (found.fatal and found.fix)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    assert [*doctor.netrc_file()] == []


def test_few_open_files():
    assert not only(doctor.open_files(1)).fix
    assert "ulimit -n 4000000000000" in only(doctor.open_files(10**12)).fix


def test_no_folder_for_temporary_files(monkeypatch):
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert [one.subject for one in doctor.disk() if one.fix] == ["TMPDIR"]


def test_disk(tmp_path: Path):
    assert only(doctor.disk([tmp_path])).fix == ""
    assert "free at least" in only(doctor.disk([tmp_path], least=10**18)).fix
    assert "cannot be written" in only(doctor.disk([tmp_path / "none"])).state


def test_clock():
    assert only(doctor.clock()).state == "plausible"
    assert only(doctor.clock(now=0)).fix


def test_lessons_missing(tmp_path: Path):
    assert only(doctor.lessons(tmp_path)).fix


def test_a_server_that_does_not_answer_is_the_finding(monkeypatch):
    monkeypatch.setenv("RESONANCE_URL", "http://127.0.0.1:9")

    found = only(doctor.server())

    assert found.fatal
    assert "RESONANCE_URL" in found.state


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModuleNotFoundError("no", name="fastapi"), "fastapi is not installed"),
        (tutorial.SetUpError("no server."), "no server."),
        (OSError("odd"), "OSError: odd"),
    ],
)
def test_a_lesson_that_cannot_start_is_the_finding(error, says, monkeypatch):
    def fail() -> None:
        raise error

    monkeypatch.setattr(tutorial, "connect", fail)

    assert only(doctor.server()).state == says


def test_no_browser_is_no_more_than_a_note(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)

    found = only(doctor.chromium())

    assert found.fix
    assert not found.fatal
