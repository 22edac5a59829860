"""A hostile attendee: nothing that they left in their home runs as anybody else."""

from __future__ import annotations

import contextlib
import logging
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from resonance_sandbox.tenants.attendees import AttendeesError
from tests.support.forks import forks
from tests.support.open_to_others import open_to_others
from tests.workshop import hostile
from tests.workshop.test_hub import ROOT, can_be_run_by_others, log_in, until
from workshop.attendee import USERS, confined, environment, log_of
from workshop.hub import HubError, check_readable, install_proxy
from workshop.printable import Printable
from workshop.room import Room

pytestmark = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root gives attendees users of their own"
)

SECOND_START = """\
import sys
from pathlib import Path
from workshop.hub import check_readable
from workshop.room import Room
room = Room(Path(sys.argv[1]))
room.prepare()
check_readable(room)
print("ready", flush=True)
"""


@pytest.fixture(scope="module", autouse=True)
def python_for_others() -> Iterator[None]:
    """Attendees have to be able to run this Python, be it in a folder of root's alone."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(HubError):
            install_proxy()  # before the settings of npm in a private home are out of sight
        try:
            stack.enter_context(open_to_others([ROOT, Path(sys.prefix), Path(sys.base_prefix)]))
        except OSError as error:
            pytest.skip(f"others cannot run this Python, nor can it be shown to them: {error}")
        if not can_be_run_by_others():
            pytest.skip("others cannot run this Python")
        yield


class Stage:
    """A room of Ada, who is hostile, and Grace; and what is root's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.witness = folder / "witness"
        self.witness.touch()
        self.witness.chmod(0o666)
        self.victims = folder / "victims"
        (self.victims / "folder").mkdir(parents=True)
        for name in ("file", "folder/file"):
            (self.victims / name).write_text("root's")
            (self.victims / name).chmod(0o600)
        (folder / "list.csv").write_text("Ada\nGrace\n")
        self.room = Room(folder / "list.csv")
        self.room.prepare()
        self.home = self.room.home("ada")
        self.ada = self.home.stat().st_uid

    def harm(self) -> list[str]:
        """What came of it to others than Ada: each a line."""
        found = [str(one) for one in hostile.told(self.witness) if one[1] != self.ada]
        found += [str(one) for one in hostile.told(self.witness) if one[2] or one[3]]
        for path in (*self.victims.rglob("*"), self.victims):
            seen = path.lstat()
            if seen.st_uid != 0 or (
                path.is_file()
                and (path.read_text() != "root's" or stat.S_IMODE(seen.st_mode) != 0o600)
            ):
                found.append(f"{path} is changed")
        if len(list(self.victims.rglob("*"))) != 3:
            found.append("there is something new")
        return found


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Not below pytest's own folder, which nobody else may enter."""
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        yield Stage(Path(folder))


def at_a_terminal(command: list[str], cwd: Path) -> tuple[int, int]:
    """Start a command as root would, with a terminal and a password; its process and the other
    end of the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        environment = {**os.environ, "PGPASSWORD": "secret", "PYTHONPATH": str(ROOT)}
        os.execve(command[0], command, environment)
    return pid, terminal


def read_until(terminal: int, wanted: str, seconds: float = 240) -> str:
    text, deadline = "", time.monotonic() + seconds
    while wanted not in text and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            try:
                text += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # its end
                break
    return text


@forks
def test_root_can_start_a_second_time_whatever_is_in_a_home(stage: Stage) -> None:
    plants = hostile.plant(stage.home, stage.witness)
    hostile.give(stage.home, stage.ada)
    command = [sys.executable, "-c", SECOND_START, str(stage.room.path)]
    pid, terminal = at_a_terminal(command, ROOT)
    said = read_until(terminal, "ready")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    ran = hostile.told(stage.witness)
    print(f"{len(ran)} of {len(plants)} plants ran at all")
    assert not ran
    assert "ready" in said, said
    assert status == 0
    # And they do tell, where somebody runs them.
    options = confined(stage.ada, subprocess.DEVNULL) | {"cwd": stage.home / "lessons"}
    subprocess.run([sys.executable, "-m", "jupyterhub"], env=environment(), **options)
    assert ("lessons/jupyterhub/__init__.py", stage.ada, False, []) in hostile.told(stage.witness)
    assert len(plants) > 150


def take_a_seat(url: str, room: Room, name: str) -> None:
    """Log in, and wait until the server has started, or has said why it cannot."""
    session = log_in(url, name, room.passwords[name])
    session.get(f"{url}/hub/spawn", timeout=240)

    def settled() -> bool:
        page = session.get(f"{url}/user/{name}/lab", timeout=240)
        said = (room.logs / f"{name}.log").read_text(errors="replace")
        return (page.ok and "/user/" in page.url) or "PermissionError" in said

    until(settled, f"{name}'s server")


@pytest.mark.soak
def test_in_a_whole_room_they_run_as_their_own_attendee_alone(stage: Stage) -> None:
    plants = hostile.plant(stage.home, stage.witness)
    hostile.give(stage.home, stage.ada)
    grace = stage.room.home("grace")
    plants += hostile.links(grace, stage.victims)
    hostile.give(grace, grace.stat().st_uid)
    command = [sys.executable, "-m", "workshop", "hub", str(stage.room.path), "--port", "0"]
    for _ in ("second", "third"):
        pid, terminal = at_a_terminal(command, ROOT)
        try:
            said = read_until(terminal, "ends it")
            url = re.findall(r"http://[\d.:]+", said)[0]
            until(lambda at=url: requests.get(f"{at}/hub/login", timeout=9).ok, "the hub")
            for name in ("ada", "grace"):
                take_a_seat(url, stage.room, name)
            # Whoever is new is let in by a second command, as root, at the same terminal.
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            said += read_until(terminal, "nothing", 2)
            assert "planted" not in said
        finally:
            os.kill(pid, signal.SIGTERM)
            read_until(terminal, "nothing", 60)
            os.waitpid(pid, 0)
            os.close(terminal)
    ran = hostile.told(stage.witness)
    print(f"0 of {len(plants)} ran as another user; {len({one[0] for one in ran})} as their own")
    assert ran
    assert not stage.harm()
    assert (stage.room.logs / "ada.log").stat().st_uid == 0
    assert "planted" in (stage.room.logs / "ada.log").read_text(errors="replace")


def test_a_seat_has_no_terminal_no_secret_and_no_other_groups(stage: Stage) -> None:
    os.environ["PGPASSWORD"] = "secret"
    try:
        output = log_of(stage.room.logs, "ada")
        probe = hostile.TELLS.format(witness=str(stage.witness), plant="seat")
        probe += "print(_os.getgroups(), _os.getsid(0) == _os.getpid(), _os.getcwd(), _os.umask(0))"
        subprocess.run(
            [sys.executable, "-I", "-c", probe],
            env=environment(),
            check=True,
            **confined(stage.room.user("ada"), output),
        )
        os.close(output)
    finally:
        del os.environ["PGPASSWORD"]
    assert hostile.told(stage.witness) == [("seat", stage.ada, False, [])]
    log = stage.room.logs / "ada.log"
    until(lambda: log.read_text().endswith("[] True / 63\n"), "what the seat said")


def test_a_home_of_another_kind_of_room_is_nobodys_to_run_in(stage: Stage) -> None:
    assert stage.room.user("ada") in USERS
    with pytest.raises(AttendeesError, match="another kind of room"):
        Room(stage.room.path, one_user=True).user("ada")
    os.chown(stage.home, 0, 0)
    with pytest.raises(AttendeesError, match="another kind of room"):
        stage.room.user("ada")
    stage.home.rename(stage.folder / "moved")
    stage.home.symlink_to(stage.folder / "moved")
    with pytest.raises(AttendeesError, match="another kind of room"):
        stage.room.user("ada")


def test_a_number_is_nobody_elses(stage: Stage) -> None:
    left = subprocess.Popen(["sleep", "60"], user=USERS[7])
    try:
        for _ in range(20):
            assert stage.room.free_user() not in (USERS[7], stage.ada)
    finally:
        left.kill()
        left.wait()


@pytest.mark.parametrize("at", ["list-room", "list-room/homes", "list-room/hub"])
def test_a_folder_that_somebody_put_there_first_is_refused(stage: Stage, at: str) -> None:
    path = stage.folder / at
    path.rename(stage.folder / "away")
    path.symlink_to(stage.victims)
    with pytest.raises(OSError, match="no folder"):
        stage.room.prepare()
    path.unlink()
    path.mkdir()
    os.chown(path, stage.ada, stage.ada)
    with pytest.raises(OSError, match="another user"):
        stage.room.prepare()
    assert not stage.harm()


def test_a_list_where_attendees_can_write_is_refused(stage: Stage) -> None:
    check_readable(stage.room)
    for change in (
        lambda: stage.room.path.chmod(0o666),
        lambda: (stage.room.path.chmod(0o644), os.chown(stage.room.path, stage.ada, 0)),
        lambda: (os.chown(stage.room.path, 0, 0), stage.folder.chmod(0o1777)),
        lambda: os.chown(stage.folder, stage.ada, 0),
    ):
        change()
        with pytest.raises(HubError, match="others can write to"):
            check_readable(stage.room)


def test_what_jupyterlab_leaves_among_the_lessons_is_in_nobodys_way(stage: Stage) -> None:
    """An instructor who changes the lessons there has it make a folder."""
    inside = stage.room.lessons / ".ipynb_checkpoints"
    inside.mkdir(0o755)
    (stage.room.lessons / "data").mkdir(0o755)
    (stage.room.lessons / "gone.ipynb").symlink_to("nowhere")
    (stage.room.lessons / "more.ipynb").write_text("{}")
    (stage.room.lessons / "more.ipynb").chmod(0o600)
    stage.room.prepare()
    check_readable(stage.room)
    assert stat.S_IMODE(inside.stat().st_mode) == 0o755
    assert stat.S_IMODE((stage.room.lessons / "more.ipynb").stat().st_mode) == 0o644


def test_what_a_log_tells_does_not_steer_a_terminal() -> None:
    record = logging.makeLogRecord({"msg": "403 %s", "args": ("\x1b]0;mine\x07 \x9b31m ok\n",)})
    text = Printable("%(message)s").format(record)
    assert text.startswith(r"403 \x1b]0;mine\x07 \x9b31m ok")
