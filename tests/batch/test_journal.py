"""The journal: what survives a crash at any byte, and what is refused."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from resonance_helpers.batch.journal import (
    Answers,
    Journal,
    JournalDamaged,
    JournalError,
    JournalInUse,
)

ANSWER = {"attempts": 1, "started": 1.0, "seconds": 0.5, "result": {"article": "Text."}}
DONE = {"success": True, "final": True, **ANSWER}
FAILED = {"success": False, "final": False, **ANSWER}


def sends(*items: int) -> list[tuple[int, str]]:
    return [(item, json.dumps({"prompt": str(item)})) for item in items]


def test_a_row_for_each_request_and_each_answer(tmp_path):
    with Journal(tmp_path / "j", clock=lambda: 5.0) as journal:
        journal.send(sends(0, 1))
        journal.answer(0, **DONE)
    with closing(sqlite3.connect(tmp_path / "j")) as database:
        rows = database.execute("SELECT item, key, request, sent FROM requests").fetchall()
        assert rows[0] == (0, f"{journal.id}-0", '{"prompt": "0"}', 5.0)
        assert rows[1][0] == 1
        assert database.execute("SELECT item, success FROM answers").fetchall() == [(0, 1)]
    assert list(Answers(tmp_path / "j")) == [{"item": 0, "request": {"prompt": "0"}, **DONE}]


def test_keys_are_the_same_in_every_run(tmp_path):
    with Journal(tmp_path / "j") as journal:
        key = journal.key(3)
    with Journal(tmp_path / "j") as journal:
        assert journal.key(3) == key
    with Journal(tmp_path / "other") as journal:
        assert journal.key(3) != key


def test_a_failure_that_is_tried_again_counts_no_more(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(0))
        journal.answer(0, **FAILED)
    with Journal(tmp_path / "j") as journal:
        found = journal.find(0)
        assert (found.success, found.final) == (False, False)
        journal.send(sends(0))
        assert journal.find(0).success is None
    assert list(Answers(tmp_path / "j")) == []


def test_what_has_certainly_done_nothing_does_not_age(tmp_path):
    now = [100.0]
    for _ in range(2):
        with Journal(tmp_path / "j", clock=lambda: now[0]) as journal:
            journal.send(sends(0, 1))
            assert now[0] == 100 or journal.find(0).sent == 200
            journal.answer(0, harmless=True, **FAILED)
            journal.answer(1, **FAILED)
        now[0] = 200.0
    with Journal(tmp_path / "j") as journal:
        assert journal.find(0).sent is None
        assert journal.find(1).sent == 100


def test_two_runs_at_once_are_refused_also_by_another_name(tmp_path):
    (tmp_path / "link").symlink_to("j")
    with Journal(tmp_path / "j"):
        for name in ("j", "link"):
            with pytest.raises(JournalInUse, match="in use by another run"):
                Journal(tmp_path / name)
        tried = [sys.executable, "-c", "import sys\nfrom resonance_helpers.batch.journal import *"]
        tried[-1] += "\ntry: Journal(sys.argv[1])\nexcept JournalInUse: print('in use')"
        done = subprocess.run([*tried, tmp_path / "j"], capture_output=True, text=True, check=True)
        assert done.stdout == "in use\n"
    Journal(tmp_path / "j").close()


def test_who_reads_it_and_does_not_end_is_no_run(tmp_path, monkeypatch):
    Journal(tmp_path / "j").close()
    monkeypatch.setattr(
        "resonance_helpers.batch.journal_file.connect.__kwdefaults__", {"patience": 0}
    )
    with closing(sqlite3.connect(tmp_path / "j")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM batch").fetchall()
        with pytest.raises(JournalInUse, match="held by another program, such as one that reads"):
            Journal(tmp_path / "j")
    Journal(tmp_path / "j").close()


def test_reading_while_a_run_writes_and_no_lock_goes_with_it(tmp_path):
    with Journal(tmp_path / "j") as journal:
        assert Answers(tmp_path / "j").about() == (0, pytest.approx(journal._clock(), abs=60))
        journal.send(sends(0, 1))
        journal.answer(1, **DONE)
        journal.commit()
        assert Answers(tmp_path / "j").about()[0] == 2
        assert [record["item"] for record in Answers(tmp_path / "j")] == [1]
        with pytest.raises(JournalInUse):
            Journal(tmp_path / "j")


def test_before_its_first_row_a_journal_is_empty(tmp_path):
    (tmp_path / "j").touch()
    assert Answers(tmp_path / "j").about() == (0, 0.0)
    assert list(Answers(tmp_path / "j")) == []
    with pytest.raises(FileNotFoundError):
        Answers(tmp_path / "nowhere").about()


@pytest.mark.skipif(sys.platform == "win32", reason="no modes there")
def test_only_its_owner_can_read_it(tmp_path):
    before = os.umask(0o022)
    try:
        with Journal(tmp_path / "j") as journal:
            journal.send(sends(0))
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["j", "j-lock", "j-shm", "j-wal"], 0o600)


@pytest.mark.parametrize("name", ["a?b#c%20d", "j;DROP", ":memory:", "Łódź"])
def test_a_path_is_no_url(tmp_path, name):
    with Journal(tmp_path / name) as journal:
        journal.send(sends(0))
    assert (tmp_path / name).stat().st_size
    assert Answers(tmp_path / name).about()[0] == 1


@pytest.mark.parametrize("content", [b"hello\n", b'{"a": 1}\n', b"\x00\xff" * 4000])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    for use in (Journal, lambda path: Answers(path).about()):
        with pytest.raises(JournalDamaged, match="not the journal of a batch"):
            use(path)
    assert path.read_bytes() == content


def test_somebody_elses_database_is_left_alone(tmp_path):
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE answers (item)")
    content = path.read_bytes()
    with pytest.raises(JournalDamaged, match="not the journal of a batch"):
        Journal(path)
    assert path.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.db"]


def test_whatever_byte_is_altered_nothing_wrong_is_read(tmp_path):
    with Journal(tmp_path / "whole") as journal:
        journal.send(sends(*range(40)))
        for item in range(30):
            journal.answer(item, **DONE)
    whole = (tmp_path / "whole").read_bytes()
    right = list(Answers(tmp_path / "whole"))
    chance = random.Random(3)
    refused = 0
    path = tmp_path / "j"
    for _ in range(200):
        where = chance.randrange(len(whole))
        altered = bytes([whole[where] ^ 1 << chance.randrange(8)])
        path.write_bytes(whole[:where] + altered + whole[where + 1 :])
        try:
            with Journal(path) as taken_up:
                found = [taken_up.find(item) for item in range(40)]
            read = list(Answers(path))
        except JournalError:
            refused += 1
            continue
        assert taken_up.id == journal.id
        assert [(entry.request, entry.final) for entry in found] == [
            (text, item < 30) for item, text in sends(*range(40))
        ]
        assert all(entry.sent for entry in found)
        assert read == right
    assert refused > 50


def test_no_directory_is_one_sentence(tmp_path):
    with pytest.raises(JournalError, match="can't be opened: No such file"):
        Journal(tmp_path / "nowhere" / "j")


def test_a_full_disk_leaves_whole_rows(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(0))
        pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
        journal._database.execute(f"PRAGMA max_page_count = {pages}")
        long = {**DONE, "result": {"article": "x" * 10_000}}
        with pytest.raises(JournalError, match="full"):
            journal.answer(0, **long)
        with pytest.raises(JournalError, match="full"):
            journal.send(sends(*range(1, 500)))
        journal._database.execute("PRAGMA max_page_count = 1000000")
        journal.send(sends(1))
        journal.answer(0, **long)
    assert Answers(tmp_path / "j").about()[0] == 2
    assert [record["result"] for record in Answers(tmp_path / "j")] == [long["result"]]


def test_writing_after_closing_is_an_error(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.answer(0, **DONE)


def test_what_json_can_not_say_is_described(tmp_path):
    odd = {"prompt": "a", "tags": {(1, 2): 3}, "deep": [object()]}
    odd["self"] = odd
    with Journal(tmp_path / "j") as journal:
        journal.refuse(0, odd, success=False, final=True, **ANSWER)
    (record,) = Answers(tmp_path / "j")
    assert record["request"]["prompt"] == "a"
    assert record["request"]["tags"] == "{(1, 2): 3}"
    assert set(record["request"]) == set(odd)


class Crashes(RuleBasedStateMachine):
    """A journal that is written, crashed at any byte after its last sync, and taken up again."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.number = 0
        self.path.parent.mkdir(parents=True)
        self.journal = Journal(self.path, clock=lambda: 100.0)
        self.id = self.journal.id
        self.sent: set[int] = set()
        self.answered: dict[int, bool] = {}
        self.saved()

    @property
    def path(self) -> Path:
        return self.folder / str(self.number) / "j"

    @property
    def log(self) -> Path:
        return self.path.with_name("j-wal")

    def saved(self) -> None:
        self.durable = self.log.stat().st_size if self.log.exists() else 0
        self.surely = dict(self.answered)

    @rule(items=st.lists(st.integers(0, 20), min_size=1, max_size=5, unique=True))
    def send(self, items: list[int]) -> None:
        # As a batch does: an item of an earlier run goes again once, in order.
        items = [item for item in items if item not in self.sent or self.is_due(item)]
        self.journal.send(sends(*items))
        self.sent |= set(items)
        self.saved()

    def is_due(self, item: int) -> bool:
        found = self.journal.find(item)
        if found is None or found.success is None or found.final:
            return False
        del self.answered[item]
        return True

    @rule(item=st.integers(0, 20), final=st.booleans())
    def answer(self, item: int, final: bool) -> None:
        if item in self.sent and item not in self.answered:
            self.journal.answer(item, success=final, final=final, **ANSWER)
            self.journal.commit()
            self.answered[item] = final

    @rule(lost=st.integers(0, 30_000))
    def crash(self, lost: int) -> None:
        old, log = self.path, self.log.read_bytes() if self.log.exists() else b""
        self.number += 1
        self.path.parent.mkdir()
        shutil.copy(old, self.path)
        self.log.write_bytes(log[: len(log) - lost % (len(log) - self.durable + 1)])
        self.journal.close()
        self.journal = Journal(self.path, clock=lambda: 100.0)
        # Answers since the last sync may be lost, and sends never.
        kept = {record["item"]: record["final"] for record in Answers(self.path)}
        assert self.surely.items() <= kept.items() <= self.answered.items()
        self.answered = kept
        self.saved()

    @invariant()
    def nothing_that_was_sent_is_forgotten(self) -> None:
        assert self.journal.id == self.id
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT item, key FROM requests").fetchall()
        assert dict(rows) == {item: f"{self.id}-{item}" for item in self.sent}
        kept = {record["item"]: record["final"] for record in Answers(self.path)}
        assert kept == self.answered

    def teardown(self) -> None:
        self.journal.close()


def test_any_history_of_crashes(tmp_path):
    Crashes.folder = tmp_path / "runs"
    run_state_machine_as_test(
        Crashes, settings=settings(max_examples=12, stateful_step_count=25, deadline=None)
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null"),
        ("no folder/journal", "No such file"),
    ],
)
def test_a_name_that_can_be_no_journals_is_told_so(tmp_path: Path, name: str, why: str):
    with pytest.raises(JournalError, match=why):
        Journal(f"{tmp_path}/{name}")


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes by name, and links for few")
def test_what_is_no_file_gets_no_lock_beside_it(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("pipe", "loop", "null"):
        with pytest.raises(JournalDamaged, match="is not the journal of a batch"):
            Journal(tmp_path / name)
        with pytest.raises((JournalDamaged, OSError)):
            list(Answers(tmp_path / name))
    assert sorted(os.listdir(tmp_path)) == ["loop", "null", "pipe"]
    assert not os.path.exists(f"{os.devnull}-lock")


def test_a_name_may_be_given_as_the_system_has_it(tmp_path: Path):
    path = os.fsencode(tmp_path) + b"/\xfe\xff"
    with Journal(path) as journal:
        assert journal.path.exists()
    assert list(Answers(path)) == []


def test_it_is_found_again_from_wherever_the_program_has_gone(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Journal("j") as journal:
        journal.send(sends(0))
        journal.answer(0, **DONE)
    answers = Answers("j")
    monkeypatch.chdir("/")
    assert [answer["item"] for answer in answers] == [0]
    assert answers.path == Path("j")
