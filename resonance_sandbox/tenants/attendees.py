"""A room's attendees: read from a list, each with a tenant and an API key of their own.

The file of keys is read again at each start. Whoever stands in it keeps their key, even on a new
database, and a newcomer on the list gets one; so an instructor can start over at any time.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Connection, insert, select

from ..auth import keys
from ..auth import store as credential_store
from ..clock import Clock
from ..http.principal import USUAL_SCOPES
from ..profiles import store as profile_store
from ..store import Database, secrets, tenants
from ..store.catalog import TENANTS

__all__ = [
    "Attendee",
    "AttendeesError",
    "enrol",
    "read_keys",
    "read_list",
    "tenant_of",
    "write_keys",
]

COLUMNS = ("attendee", "tenant", "RESONANCE_URL", "RESONANCE_API_KEY")
LETTER = re.compile(r"LATIN (?:CAPITAL|SMALL) (?:LETTER|LIGATURE) ")
SPELT = {"SHARP S": "ss", "THORN": "th", "ETH": "d", "ENG": "ng", "SCHWA": "e", "KRA": "k"}
LONGEST_NAME = 256  # characters that are looked at: whoever logs in may send any number
LONGEST = 32  # characters of a tenant; it is also the name of a folder and of a user


class AttendeesError(ValueError):
    """A file cannot be used; the message is one sentence that names the file and the line."""


@dataclass(frozen=True, slots=True)
class Attendee:
    """One person: ``name`` as on the list, and ``tenant``, the same in letters that a URL takes.

    ``named`` says whether an instructor's board shows their name, instead of a number.
    """

    name: str
    tenant: str
    named: bool = False


def read_list(path: Path) -> list[Attendee]:
    """The attendees of a list.

    It has one a line, or is a CSV file's first column; a comma, a semicolon or a tab may part the
    columns. A heading "name" or "attendee", empty lines and those that begin with # are passed
    over. Under a heading "board", "name" has the instructor's board show that attendee's name;
    "number", or nothing, a number.

    Raises:
        AttendeesError: it cannot be read, is empty, two lines make the same tenant, or a column
            "board" has another word.
    """
    found: dict[str, Attendee] = {}
    board = 0
    for number, row in enumerate(_rows(path), start=1):
        name = row[0].strip() if row else ""
        if not name or name.startswith("#"):
            continue
        if not found and name.lower() in (*COLUMNS, "name"):
            titles = [title.strip().lower() for title in row]
            board = titles.index("board") if "board" in titles else 0
            continue
        where = f"{path}, line {number}: {name!r}"
        tenant = tenant_of(name)
        if not tenant:
            raise AttendeesError(f"{where} cannot be logged in with; write it in Latin letters")
        if tenant in TENANTS:
            raise AttendeesError(f"{where} is a tenant of every sandbox; take another name")
        if tenant in found:
            raise AttendeesError(
                f"{where} makes the tenant {tenant}, as {found[tenant].name!r} does; "
                "tell them apart by a letter"
            )
        shown = row[board].strip().lower() if 0 < board < len(row) else ""
        if shown not in ("", "name", "number"):
            raise AttendeesError(f"{where} has {shown!r} under board; write name or number there")
        found[tenant] = Attendee(name, tenant, named=shown == "name")
    if not found:
        raise AttendeesError(f"{path} names nobody; write one attendee a line")
    return list(found.values())


def read_keys(path: Path) -> dict[str, str]:
    """The key of each tenant in a file that `write_keys` wrote; empty where there is none."""
    if not path.exists():
        return {}
    rows = _rows(path)
    if not rows or tuple(rows[0]) != COLUMNS:
        raise AttendeesError(f"{path} is no file of keys; name another, or move it away")
    held = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS) or keys.identity_of(row[3].encode()) != _identity(row[1]):
            raise AttendeesError(
                f"{path}, line {number}: not a key of that tenant; delete the line"
            )
        held[row[1]] = row[3]
    return held


def write_keys(
    path: Path, attendees: Iterable[Attendee], held: Mapping[str, str], url: str
) -> None:
    """Write who gets which address and key, for the owner of the file alone (mode 0600).

    Raises:
        AttendeesError: the folder of `path` is not there or cannot be written.
    """
    # Beside the old one and then in its place: never half a file, never readable by others.
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise AttendeesError(f"{path} cannot be written: {error.strerror}") from None
    with open(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((one.name, one.tenant, url, held[one.tenant]) for one in attendees)
    os.replace(draft, path)


def enrol(app: FastAPI, attendees: Iterable[Attendee], held: Mapping[str, str]) -> dict[str, str]:
    """Give each attendee a private tenant and a key: that of `held`, or a new one.

    A tenant that is there already stays as it is.

    Raises:
        AttendeesError: a tenant of that name is open to everybody.
    """
    database: Database = app.state.database
    clock: Clock = app.state.clock

    def work(connection: Connection) -> dict[str, str]:
        given = {}
        for one in attendees:
            _add_tenant(connection, one, clock.shown())
            identity = _identity(one.tenant)
            key = given[one.tenant] = held.get(one.tenant) or keys.mint(identity)
            credential_store.add(
                connection, identity, "api_key", one.tenant, USUAL_SCOPES, clock, initial=True
            )
            known = select(secrets.c.digest).where(secrets.c.digest == keys.digest(key.encode()))
            if connection.execute(known).first() is None:
                credential_store.add_secret(connection, identity, key, clock, initial=True)
        return given

    given = database.write(work)
    app.state.directory.load()
    return given


def _add_tenant(connection: Connection, one: Attendee, now: str) -> None:
    row = connection.execute(select(tenants.c.access).where(tenants.c.name == one.tenant)).first()
    if row is None:
        connection.execute(
            insert(tenants).values(name=one.tenant, access="private", created_at=now)
        )
        profile_store.seed(connection, one.tenant, now)
    elif row.access != "private":
        raise AttendeesError(
            f"{one.name!r}: the tenant {one.tenant} is open to everybody; take another name"
        )


def tenant_of(name: str) -> str:
    """A person's name in letters that a URL, a folder and a user name take, if it has any."""
    plain = "".join(map(_latin, unicodedata.normalize("NFKD", name[:LONGEST_NAME]))).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].rstrip("-")


def _latin(letter: str) -> str:
    """A Latin letter in those of ASCII: ł as l, ø as o, æ as ae. Other letters, and marks, go."""
    if letter.isascii():
        return letter
    name = unicodedata.name(letter, "")
    found = LETTER.match(name)
    if found is None:
        return ""
    base = name[found.end() :].partition(" WITH ")[0]
    # By its name: "LATIN SMALL LETTER O WITH STROKE", "... LETTER DOTLESS I", "... LETTER AE".
    return SPELT.get(base) or (last if len(last := base.split()[-1]) <= 2 else "")


def _identity(tenant: str) -> str:
    return hashlib.sha256(f"attendee {tenant}".encode()).hexdigest()[:12]


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = text.splitlines()
        named = "".join(line for line in lines if not line.startswith("#"))
        parted_by = next((mark for mark in ";\t" if mark in named), ",")
        return list(csv.reader(lines, delimiter=parted_by))
    except OSError as error:
        raise AttendeesError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise AttendeesError(f"{path} is no text in UTF-8; save it as CSV with UTF-8") from None
