"""A real JupyterHub for two, of whom one comes late: passwords, homes, a wall between them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from resonance_helpers.lesson.board import key_of
from resonance_helpers.lesson.manifest import available
from workshop import hub as hub_command
from workshop.hub import PROXY, READ
from workshop.room import Room

pytestmark = pytest.mark.skipif(os.name == "nt", reason="JupyterHub does not run on Windows")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240  # seconds; a loaded machine starts a Jupyter server slowly


def until(done: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if found := done():
                return found
        except requests.ConnectionError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


def can_be_run_by_others() -> bool:
    """Whether another user than root could run this Python, as attendees of a root's hub do."""
    try:
        command = [sys.executable, "-I", "-c", READ]
        return not subprocess.run(command, user=65534, stderr=subprocess.DEVNULL).returncode
    except PermissionError:
        return False


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not below pytest's own, which nobody else may enter."""
    with tempfile.TemporaryDirectory(prefix="hub-{course}-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[tuple[str, Room]]:
    if not (PROXY.exists() or shutil.which("npm")) and not os.environ.get("CI"):
        pytest.skip("JupyterHub's proxy needs Node.js with npm (Debian, Ubuntu: apt install npm)")
    (folder / "list.csv").write_text("Grace Hopper\n", "utf-8")
    options = [str(folder / "list.csv"), "--port", "0", "--board"]
    one_user = os.geteuid() != 0 or not can_be_run_by_others()
    if one_user:
        options.append("--one-user")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workshop", "hub", *options],
            cwd=ROOT,
            env={**os.environ, "PGPASSWORD": "the database's"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            told = ""
            for told in process.stdout:
                if "attendees on http" in told:
                    break
            assert "attendees on http" in told, (folder / "log").read_text()
            url = re.findall(r"http://[\d.:]+", told)[0]
            for told in process.stdout:
                if told.startswith("Board, for you alone: "):
                    (folder / "board").write_text(told.split()[-1])
                    break
            until(lambda: requests.get(f"{url}/hub/login", timeout=9).ok, "the hub")
            with (folder / "list.csv").open("a", encoding="utf-8") as late:
                late.write("Ada Lovelace\n")
            again = [sys.executable, "-m", "workshop", "hub", *options]
            done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, check=True)
            assert "who is new on the list can log in now" in done.stdout
            yield url, Room(folder / "list.csv", one_user)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=PATIENCE)
            finally:
                process.kill()  # who did not end by then would keep the tests from ending
    assert "Traceback" not in (folder / "log").read_text()


def log_in(url: str, name: str, password: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.get(f"{url}/hub/login", timeout=30)
    token = session.cookies.get("_xsrf", path="/hub/")
    form = {"username": name, "password": password, "_xsrf": token}
    answer = session.post(f"{url}/hub/login", form, allow_redirects=False, timeout=30)
    session.headers["X-Status"] = str(answer.status_code)
    return session


def test_nobody_whom_a_hub_starts_is_told_the_databases_password(hub: tuple[str, Room]) -> None:
    _, room = hub
    proxy = psutil.Process(int((room.hub / "jupyterhub-proxy.pid").read_text()))
    parent = proxy.parent()
    assert parent is not None
    started = parent.children(recursive=True)
    assert proxy in started
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):  # of one that has just ended
            assert not {"PGPASSWORD", hub_command.SETTINGS} & process.environ().keys()
            assert "the database's" not in " ".join(process.cmdline())


def test_only_a_name_with_its_password_comes_in(hub: tuple[str, Room]) -> None:
    url, room = hub
    ada, grace = (room.passwords[name] for name in ("ada-lovelace", "grace-hopper"))
    assert ada != grace
    assert stat.S_IMODE(room.passwords_file.stat().st_mode) == 0o600
    for name, password in (
        ("ada-lovelace", "wrong"),
        ("ada-lovelace", grace),
        ("ada-lovelace", ""),
        ("nobody", ada),
        ("admin", "admin"),
    ):
        assert log_in(url, name, password).headers["X-Status"] == "403"
    assert log_in(url, "Ada  LOVELACE", ada).headers["X-Status"] == "302"


def test_each_has_a_home_with_the_lessons_that_the_other_cannot_open(
    hub: tuple[str, Room],
) -> None:
    url, room = hub
    ada, grace = (
        log_in(url, name, room.passwords[name]) for name in ("ada-lovelace", "grace-hopper")
    )

    def listed() -> Any:
        ada.get(f"{url}/hub/spawn", timeout=PATIENCE)
        ada.get(f"{url}/user/ada-lovelace/lab", timeout=PATIENCE)
        answer = ada.get(f"{url}/user/ada-lovelace/api/contents", timeout=PATIENCE)
        return answer.ok and "json" in answer.headers["Content-Type"] and answer.json()["content"]

    names = {entry["name"] for entry in until(listed, "Ada's server")}
    assert {lesson.filename for lesson in available()} <= names
    for path in ("lab", "api/contents"):
        answer = grace.get(f"{url}/user/ada-lovelace/{path}", timeout=PATIENCE)
        assert answer.status_code in (403, 404), answer.url
    home = room.home("ada-lovelace")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "lessons" / "01_health.ipynb").stat().st_uid == home.stat().st_uid
    if not room.one_user:
        owners = {home.stat().st_uid, room.home("grace-hopper").stat().st_uid, os.geteuid()}
        assert len(owners) == 3


def test_the_instructor_alone_reads_the_hubs_board(hub: tuple[str, Room], folder: Path) -> None:
    _, room = hub
    url, _, token = (folder / "board").read_text().partition("/#")
    ada = key_of(room.passwords["ada-lovelace"])
    until(lambda: requests.get(url, timeout=9).ok, "the board")
    for credential, status in ((token, 200), (ada, 401), ("", 401)):
        headers = {"Authorization": f"Bearer {credential}"}
        assert requests.get(f"{url}/state", headers=headers, timeout=30).status_code == status
    report = {"exercise": "health.parts", "outcome": "Correct", "wrong": None, "age": 0}
    headers = {"Authorization": f"Bearer {ada}"}
    answer = requests.post(f"{url}/reports", json=report, headers=headers, timeout=30)
    assert answer.json()["number"] in (1, 2)


def test_who_is_struck_from_the_list_is_out_in_spite_of_a_cookie(hub: tuple[str, Room]) -> None:
    url, room = hub
    grace = log_in(url, "grace-hopper", room.passwords["grace-hopper"])
    home = f"{url}/hub/home"
    assert grace.get(home, timeout=30).url == home
    room.path.write_text("Ada Lovelace\n", "utf-8")

    until(lambda: "/hub/login" in grace.get(home, timeout=30).url, "Grace's end")


def test_a_second_start_keeps_passwords_and_homes(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Ada\nGrace\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    before = dict(room.passwords)
    (room.home("ada") / "notes.txt").write_text("mine")
    (tmp_path / "list.csv").write_text("Ada\nBob\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    assert room.passwords["ada"] == before["ada"]
    assert (room.home("ada") / "notes.txt").read_text() == "mine"
    assert room.admits("bob", room.passwords["bob"])
    assert not room.admits("grace", before["grace"]), "no longer on the list"


# The proxy itself says its number: just after an exec, /proc does not know its arguments yet.
HUB = """\
import subprocess, sys
proxy = "import os; print(os.getpid(), flush=True); input()"
subprocess.Popen([sys.executable, "-c", proxy, sys.argv[2]], stdin=subprocess.PIPE).wait()
"""


def test_what_a_killed_hub_left_is_taken_over_and_what_a_running_one_has_is_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "list.csv").write_text("Ada\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    assert not hub_command.runs(room)  # nothing was ever there
    with subprocess.Popen(
        [sys.executable, "-c", HUB, "jupyterhub", str(PROXY)], stdout=subprocess.PIPE, text=True
    ) as hub:
        try:
            assert hub.stdout is not None
            proxy = psutil.Process(int(hub.stdout.readline()))
            (room.hub / "jupyterhub-proxy.pid").write_text(str(proxy.pid))
            assert hub_command.runs(room)
        finally:
            hub.kill()
    assert not hub_command.runs(room)
    until(lambda: not proxy.is_running() or proxy.status() == psutil.STATUS_ZOMBIE, "its end")


def test_a_number_that_is_another_processs_by_now_is_forgotten(tmp_path: Path) -> None:
    """JupyterHub ends whatever has the number in that file."""
    (tmp_path / "list.csv").write_text("Ada\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    record = room.hub / "jupyterhub-proxy.pid"
    record.write_text(str(os.getpid()))
    assert not hub_command.runs(room)
    assert not record.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs another user")
def test_what_another_user_calls_a_hub_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.csv").write_text("Ada\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    with subprocess.Popen(
        ["/bin/sh", "-c", "echo; read _; :", PROXY.name, "jupyterhub"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        user=65534,
    ) as pretender:
        assert pretender.stdout is not None
        pretender.stdout.readline()
        (room.hub / "jupyterhub-proxy.pid").write_text(str(pretender.pid))
        monkeypatch.setattr(psutil.Process, "parent", lambda process: process)
        assert not hub_command.runs(room)
        assert pretender.poll() is None, "and it was left alone"
        pretender.kill()


def test_a_home_is_found_below_a_folder_with_braces(tmp_path: Path) -> None:
    room = Room(tmp_path / "{course} {0}" / "list.csv")
    assert room.home_template.format(username="ada") == str(room.home("ada"))


def test_seats_find_a_new_hub_where_the_old_one_was(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Ada\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    ports = hub_command.inner_ports(room)
    assert hub_command.inner_ports(room) == ports
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports[1]))
        other.listen()
        hub_port, proxy_port, sandbox_port, _ = hub_command.inner_ports(room)
        assert (hub_port, sandbox_port) == (ports[0], ports[2])
        assert proxy_port != ports[1]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--host", "0.0.0.0"], "give --allow-remote if you mean it"),
        (["--key", "key.pem"], "go together"),
        (["--key", "gone.pem", "--certificate", "gone.pem"], "No such file"),
        (["--port", "1", "--host", "192.0.2.1", "--allow-remote"], "cannot be used"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    tmp_path: Path, options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text("Ada\n", "utf-8")
    parser = argparse.ArgumentParser()
    hub_command.add_options(parser)
    assert hub_command.run(parser.parse_args([str(tmp_path / "list.csv"), *options])) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert told.count("\n") == 1
    assert not (tmp_path / "list-room").exists()


@pytest.mark.parametrize(
    ("says", "told"),
    [("v12.22.9", "'v12.22.9'"), ("v9.1.0", "'v9.1.0'"), ("", "''"), (None, "is needed for")],
)
def test_an_old_node_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None, told: str
) -> None:
    if says is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\necho {says}\n")
        (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(hub_command.HubError, match=r"Node\.js 18 is needed") as caught:
        hub_command.install_proxy()
    assert told in str(caught.value)


def test_a_proxy_that_is_there_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attendee who can read the folder can hold a lock of it for ever."""

    def locked() -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(hub_command, "check_node", lambda: None)
    monkeypatch.setattr(hub_command, "_alone", locked)
    for name in ("PROXY", "WHOLE"):
        (tmp_path / name).touch()
        monkeypatch.setattr(hub_command, name, tmp_path / name)
    hub_command.install_proxy()


def test_two_at_once_fetch_the_proxy_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = """#!/bin/sh
        echo run >>calls
        /bin/sleep 0.5
        /bin/mkdir node_modules
        echo >node_modules/proxy
        echo >node_modules/whole"""
    for name, text in (("node", "#!/bin/sh\necho v20.0.0\n"), ("npm", npm)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hub_command, "HERE", tmp_path)
    monkeypatch.setattr(hub_command, "PROXY", tmp_path / "node_modules" / "proxy")
    monkeypatch.setattr(hub_command, "WHOLE", tmp_path / "node_modules" / "whole")
    with ThreadPoolExecutor(2) as threads:
        for one in [threads.submit(hub_command.install_proxy) for _ in range(2)]:
            one.result()
    assert (tmp_path / "calls").read_text() == "run\n"


def test_the_proxy_starts_without_npms_links_and_half_an_installation_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hub_command.WHOLE.exists():
        pytest.skip("JupyterHub's proxy is not installed")
    modules = PROXY.parents[2]
    copied = tmp_path / "node_modules"
    shutil.copytree(modules, copied, ignore=shutil.ignore_patterns(".bin"))
    command = ["node", str(copied / PROXY.relative_to(modules)), "--version"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"5.")
    (copied / ".package-lock.json").unlink()
    monkeypatch.setattr(hub_command, "WHOLE", copied / ".package-lock.json")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "node").write_text("#!/bin/sh\necho v20.0.0\n")
    (tmp_path / "node").chmod(0o755)
    with pytest.raises(hub_command.HubError, match="installed by npm, which is not there"):
        hub_command.install_proxy()
