"""A room on disk, all beside the list of its attendees.

`list.csv` has:

- `list-passwords.csv`: who logs in with what (mode 0600);
- `list-room/homes/<name>`: a home for each attendee, which nothing here ever empties;
- `list-room/lessons`: the student edition, from which each home is brought up to date;
- `list-room/hub`: JupyterHub's own state.
"""

from __future__ import annotations

import csv
import hmac
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from authoring import editions
from resonance_helpers.cli.copies import KEPT
from resonance_sandbox.tenants.attendees import Attendee, AttendeesError, read_list

from .attendee import USERS, own_folder

__all__ = ["Room", "student_edition"]

COLUMNS = ("attendee", "name", "password")
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another


@dataclass(frozen=True)
class Room:
    """The room of the list at `path`.

    Attendees run as users of their own where root starts it, unless they are all to be `one_user`.
    """

    path: Path
    one_user: bool = False

    @cached_property
    def attendees(self) -> list[Attendee]:
        return read_list(self.path)

    @property
    def passwords_file(self) -> Path:
        return self.path.with_name(f"{self.path.stem}-passwords.csv")

    @property
    def folder(self) -> Path:
        return self.path.with_name(f"{self.path.stem}-room")

    @property
    def lessons(self) -> Path:
        return self.folder / "lessons"

    @property
    def hub(self) -> Path:
        return self.folder / "hub"

    @property
    def logs(self) -> Path:
        """A file for each attendee, with what their Jupyter server says; it has no terminal."""
        return self.hub / "logs"

    def home(self, tenant: str) -> Path:
        return self.folder / "homes" / tenant

    @property
    def home_template(self) -> str:
        """`home` as JupyterHub wants it, which puts the name in; braces of the path are its own."""
        return f"{self.folder / 'homes'}".replace("{", "{{").replace("}", "}}") + "/{username}"

    @property
    def handed_out(self) -> list[Path]:
        """What is put into each home: the files of `lessons`, but not what is hidden there."""
        return sorted(
            path
            for path in self.lessons.iterdir()
            if path.is_file() and not path.name.startswith(".")
        )

    def prepare(self) -> None:
        """Make what is missing. Passwords and homes that are there stay."""
        for folder, mode in (
            (self.folder, 0o711),
            (self.folder / "homes", 0o711),
            (self.lessons, 0o755),
            (self.hub, 0o700),
            (self.logs, 0o700),
        ):
            own_folder(folder, mode)
        student_edition(self.lessons)
        for path in self.handed_out:
            path.chmod(0o644)
        self.hand_out_passwords()
        for one in self.attendees:
            self.make_home(one.tenant)

    @cached_property
    def passwords(self) -> dict[str, str]:
        """The password of each attendee who was given one."""
        try:
            handle = os.open(self.passwords_file, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        with open(handle, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        if (
            not rows
            or tuple(rows[0]) != COLUMNS
            or any(len(row) != 3 or not row[2] for row in rows)
        ):
            raise AttendeesError(
                f"{self.passwords_file} is no file of passwords; mend it or move it away"
            )
        return {row[1]: row[2] for row in rows[1:]}

    def admits(self, tenant: str, password: str) -> bool:
        """Whether `password` is that attendee's; it takes as long for a name that is not there."""
        expected = self.passwords.get(tenant, "")
        same = hmac.compare_digest(expected.encode(), password.encode())
        return same and bool(expected) and self.expects(tenant)

    def expects(self, tenant: str) -> bool:
        """Whether that attendee is on the list."""
        return any(one.tenant == tenant for one in self.attendees)

    def user(self, tenant: str) -> int | None:
        """The user number that an attendee's processes run as, the owner of their home.

        None where all of them run as whoever started the workshop.

        Raises:
            AttendeesError: the home is of another kind of room. Whatever an attendee left in it
                would otherwise run as somebody else.
        """
        home = self.home(tenant)
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or (
            found.st_uid not in USERS if self._many_users else found.st_uid != os.geteuid()
        ):
            raise AttendeesError(
                f"{home} was made for another kind of room (started by another user, or with or "
                "without --one-user); start the workshop as it was then, or move "
                f"{self.folder} away"
            )
        return found.st_uid if self._many_users else None

    def hand_out_passwords(self) -> None:
        """Give a password to everybody on the list who has none."""
        held = dict(self.passwords)
        for one in self.attendees:
            held.setdefault(
                one.tenant,
                "-".join("".join(secrets.choice(LETTERS) for _ in "1234") for _ in "123"),
            )
        draft = self.hub / "passwords"
        handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((one.name, one.tenant, held[one.tenant]) for one in self.attendees)
        os.replace(draft, self.passwords_file)
        self.__dict__.pop("passwords", None)

    def make_home(self, tenant: str) -> None:
        """Make an attendee's home, if there is none. It is put in place once it is theirs."""
        home = self.home(tenant)
        if os.path.lexists(home):
            return
        draft = home.with_name(f".{tenant}")  # no tenant begins so
        draft.mkdir(mode=0o700, exist_ok=True)
        if self._many_users:
            number = self.free_user()
            os.chown(draft, number, number, follow_symlinks=False)
        draft.rename(home)

    @property
    def _many_users(self) -> bool:
        return os.name != "nt" and os.geteuid() == 0 and not self.one_user

    def free_user(self) -> int:
        """A number of `USERS` that nobody has.

        No home, no account, and no process: one might have outlived another room.
        """
        import pwd  # of POSIX alone, as this is

        taken = {home.lstat().st_uid for home in (self.folder / "homes").iterdir()}
        taken |= {account.pw_uid for account in pwd.getpwall()}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                taken |= set(process.uids())
        return secrets.choice([number for number in USERS if number not in taken])


def student_edition(folder: Path) -> None:
    """Write the lessons as attendees get them, beside what the instructor has changed there."""
    editions.write("student", folder, say=lambda line: print(line) if KEPT in line else None)
