"""`python -m workshop board`: serve the board of a room, or end it."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn

from resonance_helpers.cli.copies import write_whole
from resonance_helpers.cli.main import port_number
from resonance_helpers.lesson.board import key_of
from resonance_sandbox.faults.wire import FaultyHTTP
from resonance_sandbox.settings import is_loopback
from resonance_sandbox.tenants.attendees import AttendeesError, read_keys

from ..attendee import own_folder
from ..room import Room
from .server import application
from .state import exercises, summary
from .store import Store

__all__ = ["TOKEN", "Seats", "add_options", "database", "new_token", "run"]

TOKEN = "RESONANCE_BOARD_TOKEN"
"""The variable by which a hub hands the instructor's token to its board."""

SERVING: dict[str, Any] = {
    "http": FaultyHTTP,
    "log_level": "error",
    "access_log": False,
    "timeout_keep_alive": 10,
}
"""How uvicorn serves a board: as a sandbox, whose connections nobody can keep from others."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command can be asked."""
    add = parser.add_argument
    add("attendees", type=Path, help="the list of the hub or the shared sandbox")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=port_number, default=8001, help="TCP port (default: %(default)s)")
    add("--allow-remote", action="store_true", help="let --host be reachable from elsewhere")
    add("--rehearsal", action="store_true", help="mark what comes as scripted")
    add("--end", action="store_true", help="delete what the board has kept of the room")
    add("--summary", type=Path, metavar="FILE", help="with --end: first keep this, without names")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or end the board; the exit code."""
    try:
        room = Room(options.attendees.absolute())
        if options.end:
            return end(room, options.summary)
        if options.summary:
            raise AttendeesError("--summary goes with --end")
        if not (is_loopback(options.host) or options.allow_remote):
            raise AttendeesError(
                f"{options.host} can be reached from other machines; give --allow-remote if you "
                "mean it"
            )
        own_folder(room.folder, 0o711)
        store = Store(database(room), scripted=options.rehearsal)
        seats = Seats(room, store)
        if not seats():
            raise AttendeesError(
                f"nobody of {room.path.name} has a password or a key yet; start the hub or the "
                "shared sandbox first"
            )
    except (AttendeesError, OSError, ValueError) as error:
        print(f"workshop: {error}", file=sys.stderr)
        return 2
    token = os.environ.pop(TOKEN, "")
    if not token:  # else the hub has told it
        token = new_token()
        where = f"http://{options.host}:{options.port}"
        print(f"Board, for you alone: {where}/#{token}")
        print(f"Attendees set: export RESONANCE_BOARD={where}", flush=True)
    uvicorn.run(
        application(store, exercises(), token, seats, seats.names),
        host=options.host,
        port=options.port,
        **SERVING,
    )
    return 0


def end(room: Room, keep: Path | None) -> int:
    """Delete what the board has kept; before that, write the summary."""
    path = database(room)
    if not path.exists():
        print(f"workshop: {room.path.name} has no board", file=sys.stderr)
        return 2
    if keep is not None:
        store = Store(path)
        text = json.dumps(summary(store, exercises()), indent=1, ensure_ascii=False) + "\n"
        store.close()
        write_whole(keep.absolute(), text.encode())
        print(f"{keep}: kept, without names and numbers")
    path.unlink()
    print(f"The board of {room.path.name} is deleted.")
    return 0


def database(room: Room) -> Path:
    """The file that a room's board keeps."""
    return room.folder / "board.db"


def new_token() -> str:
    """A credential of the instructor."""
    return secrets.token_urlsafe(24)


class Seats:
    """Attendees' keys for the board and their numbers, read again when the room's files change."""

    def __init__(self, room: Room, store: Store) -> None:
        self._room, self._store = room, store
        self._keys_file = room.path.with_name(f"{room.path.stem}-keys.csv")
        self._seen: tuple[float, ...] = ()
        self._held: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def names(self) -> Mapping[int, str]:
        """The names that the list says to show, by number."""
        self()
        return self._names

    def __call__(self) -> Mapping[str, int]:
        """The number of each key."""
        seen = tuple(
            path.stat().st_mtime if path.exists() else 0.0
            for path in (self._room.path, self._room.passwords_file, self._keys_file)
        )
        if seen != self._seen:
            with suppress(AttendeesError, OSError):  # somebody is just writing one
                self._held, self._names = self._read()
                self._seen = seen
        return self._held

    def _read(self) -> tuple[dict[str, int], dict[int, str]]:
        room = Room(self._room.path)
        there = {one.tenant: one for one in room.attendees}
        found = [*room.passwords.items(), *read_keys(self._keys_file).items()]
        numbers = self._store.seat(tenant for tenant, _ in found)
        held = {key_of(secret): numbers[who] for who, secret in found if who in there}
        named = [who for who, _ in found if who in there and there[who].named]
        return held, {numbers[who]: there[who].name for who in named}
