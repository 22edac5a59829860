"""The journal of a batch: a file from which a killed run goes on without doing anything twice.

One JSON object a line, each with a checksum of the rest of its line:

    {"crc":"9c1a…","event":"batch","id":"5f0c…","version":1,"at":1767225600.0}
    {"crc":"0b77…","event":"send","item":0,"key":"5f0c…-0","payload":"a1b2…","at":1767225600.1}
    {"crc":"e2d4…","event":"success","item":0,"again":"no","attempts":1,"seconds":0.24,…}

The promise rests on two rules. `send` lines are on the disk (fsync) before their requests leave,
many lines to one fsync; so whatever may have reached the server is known after a crash, with the
idempotency key and the hash of the payload that it went out with. `success` and `failure` lines
are written when an answer comes, and may be lost: their items go out again under the same key,
and the server replays the first answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import uuid
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple

from .lock import lock_file

__all__ = [
    "Again",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalInUse",
    "JournalIndex",
    "JournalMismatch",
    "Send",
    "payload_hash",
]

VERSION = 1
Again = Literal["no", "safe", "unsure"]

_PREFIX = b'{"crc":"'
_BODY = len(_PREFIX) + 8 + len(b'",')
_HEAD = re.compile(
    rb'"event":"(?:(?P<batch>batch)|(?P<send>send)'
    rb'|(?:success|failure)","item":(?P<item>\d+),"again":"(?P<again>no|safe|unsure)")'
)
_NONE = -1


class JournalError(RuntimeError):
    """The journal can't be used; nothing was sent."""


class JournalInUse(JournalError):
    """Another run writes to this journal."""


class JournalMismatch(JournalError):
    """The journal belongs to another batch."""


class JournalDamaged(JournalError):
    """A line before the last can't be read, or the file is no journal at all."""


class Send(NamedTuple):
    """What is written down before a request leaves."""

    item: int
    key: str
    payload: str


def payload_hash(request: Mapping[str, Any]) -> str:
    """A short SHA-256 (128 bits, in hex) of a request, whatever the order of its fields.

    Raises:
        TypeError, ValueError: the request can't be written as JSON.
    """
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


class JournalIndex:
    """What a journal says of each item, in a few bytes: where its answer stands, the start of its
    payload's hash, and when it was first sent. So a batch of any length fits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = ""
        self.began = 0.0
        self.size = 0
        self.torn = False
        self._answers = array("q")
        self._final = bytearray()
        self._payloads = array("Q")
        self._first_sent = array("d")

    @classmethod
    def read(cls, path: Path) -> JournalIndex:
        """Go through a journal as it stands, also while a run writes to it. Its torn end, if it
        has one, is left out: `size` is where the sound part ends.

        Raises:
            JournalDamaged: a line before the last is bad, or the file is no journal.
        """
        index = cls(path)
        bad = 0
        with open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                body = _checked(raw)
                if body is None:
                    bad = bad or number
                elif bad:
                    raise JournalDamaged(
                        f"line {bad} of the journal {path} is damaged, and it is not the last; "
                        "mend the line or begin with another journal"
                    )
                else:
                    index._note(body)
                    index.size += len(raw)
        if bad and not index.id and not _may_begin_a_journal(path):
            raise index._stranger()
        index.torn = bool(bad)
        return index

    def __len__(self) -> int:
        """One more than the highest item seen."""
        return len(self._answers)

    def first_sent(self, item: int) -> float | None:
        """Since when the item may have had an effect, in seconds since 1970; None if it has had
        none: it was never sent, or each attempt is known to have done nothing."""
        return (self._first_sent[item] or None) if item < len(self) else None

    def is_answered(self, item: int) -> bool:
        """Whether an answer stands, good or bad."""
        return item < len(self) and self._answers[item] != _NONE

    def is_final(self, item: int) -> bool:
        """Whether that answer is the last word: a success, or a failure that would come again."""
        return self.is_answered(item) and bool(self._final[item])

    def check(self, item: int, payload: str) -> None:
        """Raises `JournalMismatch` if this item was journalled with another payload."""
        if item < len(self) and self._payloads[item] not in (_short(payload), 0):
            raise JournalMismatch(
                f"the journal {self.path} belongs to another batch: item {item} differs from "
                "the one it holds. Give the same requests in the same order, or another journal"
            )

    def answers(self) -> Iterator[dict[str, Any]]:
        """The last `success` or `failure` line of each item that has one, in the items' order."""
        with open(self.path, "rb") as file:
            for offset in self._answers:
                if offset != _NONE:
                    file.seek(offset)
                    yield json.loads(file.readline())

    def note_send(self, item: int, payload: str, at: float) -> None:
        """An item is about to leave, perhaps not for the first time."""
        self._grow(item)
        self._answers[item] = _NONE  # a failure that is tried again counts no more
        self._payloads[item] = _short(payload)
        self._first_sent[item] = self._first_sent[item] or at

    def note_answer(self, item: int, offset: int, again: str) -> None:
        """An answer stands at `offset`; `again` as in `Journal.answer`."""
        self._grow(item)
        self._answers[item] = offset
        self._final[item] = again == "no"
        if again == "safe":
            self._first_sent[item] = 0.0

    def _grow(self, item: int) -> None:
        missing = item + 1 - len(self)
        if missing > 0:
            self._answers.extend([_NONE] * missing)
            self._final.extend(bytes(missing))
            self._payloads.extend([0] * missing)
            self._first_sent.extend([0.0] * missing)

    def _note(self, body: bytes) -> None:
        head = _HEAD.match(body)
        if head is None or (head["batch"] is None and not self.id):
            raise self._stranger()
        if head["item"]:
            self.note_answer(int(head["item"]), self.size, head["again"].decode())
            return
        record = json.loads(b"{" + body)
        if head["send"]:
            self.note_send(record["item"], record["payload"], record["at"])
        elif record["version"] != VERSION:
            raise JournalDamaged(
                f"{self.path} was written by another version of this package; "
                "finish its batch there, or begin with another journal"
            )
        else:
            self.id, self.began = record["id"], record["at"]

    def _stranger(self) -> JournalDamaged:
        return JournalDamaged(f"{self.path} is not the journal of a batch; give another path")


class Journal:
    """A journal open for writing, and locked. `Journal(path)` begins one or takes up an old one.

    Safe for threads.

    Args:
        path: the file; its directory must exist.
        clock: seconds since 1970.

    Raises:
        JournalInUse: another run holds it.
        JournalDamaged: it has a bad line before its end, or is no journal.
        JournalError: it can't be opened or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self._mutex = Lock()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise JournalError(
                f"the journal {self.path} can't be opened: {error.strerror}"
            ) from error
        try:
            self._lock = lock_file(str(self.path))
        except BlockingIOError:
            os.close(self._fd)
            raise JournalInUse(
                f"the journal {self.path} is in use by another run; wait for it to end, "
                "or give this batch a journal of its own"
            ) from None
        try:
            self.index = JournalIndex.read(self.path)
            if self.index.torn:
                os.ftruncate(self._fd, self.index.size)
            if not self.index.id:
                self._begin()
        except BaseException:
            self.close()
            raise

    def key(self, item: int) -> str:
        """The idempotency key of an item: the same in every run over this journal."""
        return f"{self.index.id}-{item}"

    def send(self, sends: Iterable[Send]) -> None:
        """Write down items that are about to leave; they are on the disk when this returns.

        Raises:
            JournalError: the disk is full or failing; nothing of `sends` may be sent.
        """
        now = self._clock()
        sends = list(sends)
        self._append(
            *(
                {
                    "event": "send",
                    "item": one.item,
                    "key": one.key,
                    "payload": one.payload,
                    "at": now,
                }
                for one in sends
            )
        )
        for one in sends:
            self.index.note_send(one.item, one.payload, now)
        self.sync()

    def answer(self, item: int, *, success: bool, again: Again, **fields: Any) -> None:
        """Write down how an item ended.

        Args:
            item: its place in the batch.
            success: whether it was done.
            again: whether a next run tries it again: no, or yes since nothing was done
                (``"safe"``), or yes though it may have been done (``"unsure"``).
            **fields: more to write down, as JSON.
        """
        event = "success" if success else "failure"
        offset = self._append({"event": event, "item": item, "again": again, **fields})
        self.index.note_answer(item, offset, again)

    def sync(self) -> None:
        """Bring all that was written to the disk.

        Raises:
            JournalError: the disk fails.
        """
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Sync, unlock and close. Closing twice is fine; writing after it is an error."""
        with self._mutex:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
                self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _begin(self) -> None:
        self.index.id, self.index.began = uuid.uuid4().hex, self._clock()
        self._append(
            {"event": "batch", "id": self.index.id, "version": VERSION, "at": self.index.began}
        )
        self.sync()
        _sync_directory(self.path.parent)

    def _append(self, *records: dict[str, Any]) -> int:
        """Append records, all or none; the offset where the first one starts."""
        data = b"".join(map(_line, records))
        with self._mutex:
            if self._fd < 0:
                raise JournalError(f"the journal {self.path} is closed")
            start = self.index.size
            try:
                written = 0
                while written < len(data):
                    written += os.write(self._fd, memoryview(data)[written:])
                self.index.size = start + len(data)
            except BaseException as error:
                os.ftruncate(self._fd, start)  # half a line would spoil what follows
                self.index.size = start
                raise self._failed(error) if isinstance(error, OSError) else error from None
            return start

    def _failed(self, error: OSError) -> JournalError:
        return JournalError(f"the journal {self.path} can't be written: {error.strerror}")


def _line(record: dict[str, Any]) -> bytes:
    """A record as one line, led by the CRC-32 of what follows."""
    text = json.dumps(record, separators=(",", ":"), default=str)
    body = text[1:].encode()
    return b'%s%08x",%s\n' % (_PREFIX, zlib.crc32(body), body)


def _checked(raw: bytes) -> bytes | None:
    """The part of a line after its checksum; None if the line is torn or altered."""
    body = raw[_BODY:-1]
    try:
        expected = int(raw[len(_PREFIX) : len(_PREFIX) + 8], 16)
    except ValueError:
        return None
    whole = raw.startswith(_PREFIX) and raw.endswith(b"\n")
    return body if whole and zlib.crc32(body) == expected else None


def _short(payload: str) -> int:
    return int(payload[:16], 16)


def _may_begin_a_journal(path: Path) -> bool:
    """Whether the file, without one sound line, may be the torn first line of a journal."""
    with open(path, "rb") as file:
        start = file.read(len(_PREFIX))
        return _PREFIX.startswith(start) and b"\n" not in start + file.read()


def _sync_directory(path: Path) -> None:
    """Make a new file's name durable too; Windows has no such call and needs none."""
    if os.name == "posix":
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
