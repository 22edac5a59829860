"""The journal: what survives a crash at any byte, and what is refused."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from resonance_helpers.batch.journal import (
    Journal,
    JournalDamaged,
    JournalError,
    JournalIndex,
    JournalInUse,
    JournalMismatch,
    Send,
    payload_hash,
)
from resonance_helpers.batch.lock import lock_file

ANSWER = {"request": {"prompt": "p"}, "attempts": 1, "started": 1.0, "seconds": 0.5, "result": {}}


def sends(journal: Journal, *items: int) -> list[Send]:
    return [Send(item, journal.key(item), payload_hash({"prompt": str(item)})) for item in items]


def test_a_line_is_json_with_its_checksum_first(tmp_path):
    with Journal(tmp_path / "j", clock=lambda: 5.0) as journal:
        journal.send(sends(journal, 0))
        journal.answer(0, success=True, again="no", **ANSWER)
    batch, send, success = map(json.loads, (tmp_path / "j").read_text().splitlines())
    assert batch["event"] == "batch"
    assert send["key"] == f"{batch['id']}-0"
    assert (send["event"], send["item"], send["at"]) == ("send", 0, 5.0)
    assert success["event"] == "success"
    assert next(iter(success)) == "crc"


def test_keys_are_the_same_in_every_run(tmp_path):
    with Journal(tmp_path / "j") as journal:
        key = journal.key(3)
    with Journal(tmp_path / "j") as journal:
        assert journal.key(3) == key
    with Journal(tmp_path / "other") as journal:
        assert journal.key(3) != key


def test_a_failure_that_is_tried_again_counts_no_more(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(journal, 0))
        journal.answer(0, success=False, again="unsure", **ANSWER)
        assert journal.index.is_answered(0)
        assert not journal.index.is_final(0)
    with Journal(tmp_path / "j") as journal:
        assert len(list(journal.index.answers())) == 1
        journal.send(sends(journal, 0))
        assert not journal.index.is_answered(0)


def test_what_has_certainly_done_nothing_does_not_age(tmp_path):
    now = [100.0]
    with Journal(tmp_path / "j", clock=lambda: now[0]) as journal:
        journal.send(sends(journal, 0, 1))
        journal.answer(0, success=False, again="safe", **ANSWER)
        journal.answer(1, success=False, again="unsure", **ANSWER)
        now[0] = 200.0
        journal.send(sends(journal, 0, 1))
    index = JournalIndex.read(tmp_path / "j")
    assert (index.first_sent(0), index.first_sent(1)) == (200.0, 100.0)


def test_another_batch_is_refused(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(journal, 0, 1))
    with Journal(tmp_path / "j") as journal:
        journal.index.check(1, payload_hash({"prompt": "1"}))
        journal.index.check(2, payload_hash({"prompt": "new"}))
        with pytest.raises(JournalMismatch, match="item 1 differs"):
            journal.index.check(1, payload_hash({"prompt": "changed"}))


def test_two_runs_at_once_are_refused(tmp_path):
    with (
        Journal(tmp_path / "j"),
        pytest.raises(JournalInUse, match="in use by another run"),
    ):
        Journal(tmp_path / "j")
    Journal(tmp_path / "j").close()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    (tmp_path / "j").touch()
    lock = lock_file(str(tmp_path / "j"))
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    child = context.Process(target=lambda: (ready.set(), done.wait(30)))
    child.start()
    try:
        assert ready.wait(10)
        lock.release()
        lock_file(str(tmp_path / "j")).release()
    finally:
        done.set()
        child.join()


def test_reading_while_a_run_writes(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(journal, 0))
        assert len(JournalIndex.read(tmp_path / "j")) == 1


@pytest.mark.parametrize("content", [b"hello\n", b"hello", b'{"a": 1}\n', b"\x00\xff" * 40])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(JournalDamaged, match="not the journal of a batch"):
        Journal(path)
    assert path.read_bytes() == content


def test_a_bad_line_in_the_middle_is_refused_by_its_number(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(journal, 0, 1, 2))
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"item":1', b'"item":9')
    (tmp_path / "j").write_bytes(b"".join(lines))
    with pytest.raises(JournalDamaged, match="line 3"):
        Journal(tmp_path / "j")


def test_no_directory_is_one_sentence(tmp_path):
    with pytest.raises(JournalError, match="can't be opened"):
        Journal(tmp_path / "nowhere" / "j")


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    with Journal(tmp_path / "j") as journal:
        journal.send(sends(journal, 0))
        write = os.write

        def full(fd: int, data: bytes) -> int:
            if len(data) > 10:
                return write(fd, bytes(data)[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", lambda fd, data: full(fd, data[:11]))
        with pytest.raises(JournalError, match="No space left"):
            journal.answer(0, success=True, again="no", **ANSWER)
        monkeypatch.undo()
        journal.send(sends(journal, 1))
    index = JournalIndex.read(tmp_path / "j")
    assert len(index) == 2
    assert not index.torn


def test_writing_after_closing_is_an_error(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.answer(0, success=True, again="no", **ANSWER)


@given(cut=st.integers(0, 10_000))
@settings(max_examples=300)
def test_cut_anywhere_the_whole_lines_before_the_cut_remain(tmp_path_factory, cut):
    path = tmp_path_factory.getbasetemp() / "cut"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        journal.send(sends(journal, 0, 1, 2))
        journal.answer(1, success=True, again="no", **ANSWER)
        journal.send(sends(journal, 3))
        name = journal.index.id
    whole = path.read_bytes()
    cut %= len(whole) + 1
    path.write_bytes(whole[:cut])
    lines = whole[:cut].count(b"\n")
    with Journal(path) as journal:
        assert (journal.index.id == name) == (lines >= 1)
        assert len(journal.index) == [0, 0, 1, 2, 3, 3, 4][lines]
        assert journal.index.is_final(1) == (lines >= 5)
        journal.send(sends(journal, 9))
    assert not JournalIndex.read(path).torn


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text(), max_size=4))
def test_a_payload_hash_does_not_depend_on_the_order_of_fields(request_):
    backwards = dict(reversed(request_.items()))
    assert payload_hash(request_) == payload_hash(backwards)


class Crashes(RuleBasedStateMachine):
    """A journal that is written, crashed at any byte after its last sync, and taken up again."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(os.environ["JOURNAL_UNDER_TEST"])
        self.path.unlink(missing_ok=True)

    @initialize()
    def begin(self) -> None:
        self.journal = Journal(self.path, clock=lambda: 100.0)
        self.id = self.journal.index.id
        self.sent: dict[int, str] = {}
        self.answered: dict[int, str] = {}
        self.durable = self.path.stat().st_size
        self.surely: dict[int, str] = {}

    @rule(items=st.lists(st.integers(0, 20), min_size=1, max_size=5, unique=True))
    def send(self, items: list[int]) -> None:
        items = [item for item in items if self.answered.get(item) != "no"]
        self.journal.send(sends(self.journal, *items))
        self.sent |= {item: payload_hash({"prompt": str(item)}) for item in items}
        for item in items:
            self.answered.pop(item, None)
        self.durable = self.path.stat().st_size
        self.surely = dict(self.answered)

    @rule(item=st.integers(0, 20), again=st.sampled_from(["no", "safe", "unsure"]))
    def answer(self, item: int, again: str) -> None:
        if item in self.sent and item not in self.answered:
            self.journal.answer(item, success=again == "no", again=again, **ANSWER)
            self.answered[item] = again

    @rule(lost=st.integers(0, 3000))
    def crash(self, lost: int) -> None:
        self.journal.close()
        size = self.path.stat().st_size
        os.truncate(self.path, size - lost % (size - self.durable + 1))
        self.journal = Journal(self.path, clock=lambda: 100.0)
        # Answers since the last sync may be lost, and sends never.
        self.answered = {
            item: again
            for item, again in self.answered.items()
            if item in self.surely or self.journal.index.is_answered(item)
        }
        self.durable = self.path.stat().st_size

    @invariant()
    def nothing_that_was_sent_is_forgotten(self) -> None:
        index = self.journal.index
        assert index.id == self.id
        for item, payload in self.sent.items():
            index.check(item, payload)
        for item in range(21):
            assert index.is_answered(item) == (item in self.answered)
            assert index.is_final(item) == (self.answered.get(item) == "no")
        kept = {record["item"]: record["again"] for record in index.answers()}
        assert kept == self.answered

    def teardown(self) -> None:
        self.journal.close()


def test_any_history_of_crashes(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNAL_UNDER_TEST", str(tmp_path / "j"))
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Crashes, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )
