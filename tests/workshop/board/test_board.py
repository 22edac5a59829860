"""The board: reports in by an attendee's own key, the page out for the instructor alone."""

from __future__ import annotations

import contextlib
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from resonance_helpers.lesson import board as lesson_board
from resonance_helpers.lesson.board import Reporter, key_of
from resonance_helpers.lesson.exercises import check
from resonance_sandbox import start
from resonance_sandbox.faults.wire import FaultyHTTP
from resonance_sandbox.http.connections import Connections
from resonance_sandbox.tenants.attendees import AttendeesError, read_keys, read_list
from tests.support.waiting import eventually
from workshop.board import command, server
from workshop.board.state import STUCK, exercises, state, summary
from workshop.board.store import Report, Store
from workshop.room import Room

TOKEN = "t0ken-of-the-instructor"
KEYS = {key_of("ada's"): 2, key_of("grace's"): 1}
ADA, GRACE = KEYS
KNOWN = exercises()
FIRST, SECOND, *_ = KNOWN.values()


class Board:
    def __init__(self, url: str, store: Store) -> None:
        self.url, self.store = url, store
        self.session = requests.Session()
        self.session.trust_env = False

    def __call__(self, method: str, path: str, credential: str = "", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {credential}"}
        data = body if isinstance(body, bytes) else json.dumps(body) if body is not None else None
        return self.session.request(method, self.url + path, data=data, headers=headers, timeout=30)

    def state(self) -> Any:
        return self("GET", "/state", TOKEN).json()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    store, listening = Store(tmp_path / "board.db"), socket.create_server(("127.0.0.1", 0))
    store.seat(["ada", "grace"])
    application = server.application(store, KNOWN, TOKEN, lambda: KEYS)
    serving = uvicorn.Server(uvicorn.Config(application, **command.SERVING))
    thread = threading.Thread(target=serving.run, args=([listening],))
    thread.start()
    assert eventually(lambda: serving.started, 60)
    try:
        yield Board(f"http://127.0.0.1:{listening.getsockname()[1]}", store)
    finally:
        serving.should_exit = True
        thread.join()
        store.close()


@pytest.fixture
def told(board: Board, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reporter]:
    """A lesson that tells the board as Ada."""
    monkeypatch.setenv(lesson_board.URL, board.url)
    monkeypatch.setenv(lesson_board.KEY, ADA)
    assert "no code and no text" in lesson_board.use()
    assert lesson_board._reporter is not None
    yield lesson_board._reporter
    monkeypatch.delenv(lesson_board.URL)
    assert lesson_board.use() == ""


def test_a_check_is_told_with_the_wrong_answer_that_it_was(told: Reporter, board: Board) -> None:
    check.health.guard(lambda health: True)  # expected: goes on always
    check.health.guard(lambda health: 7)
    check.health.guard(...)  # not attempted: told to nobody
    assert told.drain(60)
    first, second = board.store.reports()
    assert (first.number, first.exercise, first.outcome) == (2, "health.guard", "Not yet")
    assert first.wrong is not None
    assert KNOWN["health.guard"].told[first.wrong]
    assert second.wrong is None or second.wrong != first.wrong
    row = next(row for row in board.state()["exercises"] if row["name"] == "health.guard")
    assert (row["trying"], row["cells"]) == (1, {"2": "trying"})


def test_no_code_no_text_and_no_key_is_kept(told: Reporter, board: Board, tmp_path: Path) -> None:
    check.health.parts(["my secret thought"])
    check.health.wait(lambda ask, tries: "my secret thought")
    assert told.drain(60)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("board.db*"))
    assert b"wait" in kept
    assert b"secret" not in kept
    assert not any(key.encode() in kept for key in KEYS)
    assert b"ada" not in kept
    assert stat.S_IMODE((tmp_path / "board.db").stat().st_mode) == 0o600


def test_a_question_is_raised_and_lowered(
    told: Reporter, board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson_board.question()
    assert board.state()["attendees"] == [{"number": 2, "name": None, "hand": 0}]
    lesson_board.question(False)
    assert board.state()["attendees"] == []
    assert capsys.readouterr().out == (
        "Your hand is up: number 2. question(False) lowers it.\nYour hand is down.\n"
    )


def test_nobody_but_the_instructor_reads_it(board: Board) -> None:
    for credential in (
        ADA,
        GRACE,
        "",
        TOKEN[:-1],
        TOKEN + "x",
        "\N{SNOWMAN}".encode().decode("latin1"),
    ):
        for path in ("/state", f"/state?token={TOKEN}"):
            answer = board("GET", path, credential)
            assert answer.status_code == 401
            assert "exercises" not in answer.text
    assert board("GET", "/state", TOKEN).status_code == 200
    for path in ("/", "/board.js", "/board.css"):  # the page itself says nothing of the room
        answer = board("GET", path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert board("GET", "/board/../state.py").status_code == 404
    assert board("GET", "/openapi.json", TOKEN).status_code == 404


GOOD = {"exercise": FIRST.name, "outcome": "Not yet", "wrong": 0, "age": 1}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, GOOD),
        (413, {**GOOD, "exercise": "x" * 2000}),
        (422, {**GOOD, "exercise": "<script>alert(1)</script>"}),
        (422, {**GOOD, "exercise": ["health.parts"]}),
        (422, {**GOOD, "outcome": "Great"}),
        (422, {**GOOD, "outcome": {}}),
        (422, {**GOOD, "wrong": 99}),
        (422, {**GOOD, "wrong": -1}),
        (422, {**GOOD, "wrong": True}),
        (422, {**GOOD, "wrong": "0"}),
        (422, {**GOOD, "age": -1}),
        (422, {**GOOD, "age": 1e9}),
        (422, {**GOOD, "age": True}),
        (422, b'{"exercise": "health.parts", "outcome": "Correct", "wrong": null, "age": NaN}'),
        (422, {**GOOD, "code": "import os"}),
        (422, {"question": "why?"}),
        (422, [1]),
        (422, b"\xff\x00"),
        (422, b"[" * 1000),
        (422, b""),
    ],
)
def test_a_report_is_bounded_and_of_known_words(board: Board, status: int, body: Any) -> None:
    assert board("POST", "/reports", ADA, body).status_code == status
    assert len(board.store.reports()) == (status == 200)
    for credential in ("", TOKEN, ADA[:-1]):
        assert board("POST", "/reports", credential, body).status_code == 401


def test_who_floods_is_stopped_and_nobody_else_notices(board: Board) -> None:
    codes = [board("POST", "/reports", ADA, GOOD).status_code for _ in range(90)]
    assert codes.count(200) >= 60
    assert 429 in codes
    assert board("POST", "/reports", GRACE, GOOD).status_code == 200


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://192.0.2.1:81", "http://[::1]:9"])
def test_a_dead_board_neither_fails_nor_holds_up_a_check(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(lesson_board.URL, url)
    monkeypatch.setenv(lesson_board.KEY, ADA)
    lesson_board.use()
    for _ in range(3 * lesson_board.LONGEST):
        assert check.health.guard(lambda health: True).word == "Not yet"
    assert lesson_board._reporter is not None
    assert len(lesson_board._reporter._waiting) == lesson_board.LONGEST
    monkeypatch.delenv(lesson_board.URL)
    lesson_board.use()
    lesson_board.question()
    assert "ask aloud" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["[]", '{"health.guard": 5}', '{"health.guard": [[1]]}', "x"])
def test_whatever_answers_there_does_not_disturb_a_lesson(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def exchange(self: Reporter, *_: Any) -> Any:
        tried.set()
        return json.loads(answer)

    monkeypatch.setattr(Reporter, "_exchange", exchange)
    reporter = Reporter("http://127.0.0.1:9", ADA)
    reporter.tell("health.guard", "Not yet", "wrong")
    assert tried.wait(30)
    time.sleep(0.1)
    assert reporter._thread is not None
    assert reporter._thread.is_alive()
    reporter.close()
    reporter._thread.join(30)
    assert not reporter._thread.is_alive()


@pytest.mark.parametrize("url", ["http://[oops", "http://ex\u2100mple", "board:8001", ""])
def test_what_is_no_address_is_no_board(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lesson_board.URL, url)
    monkeypatch.setenv(lesson_board.KEY, ADA)
    assert lesson_board.use() == ""


def test_who_holds_connections_keeps_nobody_from_it(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaultyHTTP, "room", Connections(8))
    host, port = board.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(socket.create_connection((host, int(port)), timeout=30))
        assert board.state()["past"] is None
        assert board("POST", "/reports", ADA, {"question": True, "age": 0}).status_code == 200
    assert "limit_concurrency" not in command.SERVING, "it would refuse the newest"


def test_trying_stuck_left_and_past(tmp_path: Path) -> None:
    store = Store(tmp_path / "board.db")
    for number, exercise, outcome, wrong, at in (
        (1, FIRST, "Not yet", 0, 0.0),
        (1, FIRST, "Correct", None, 60.0),
        (1, SECOND, "Not yet", 1, 100.0),
        (2, FIRST, "Not yet", 0, 90.0),
        (2, FIRST, "Not yet", None, 95.0),
        (3, FIRST, "Not yet", 1, 10.0),
        (3, SECOND, "Correct", None, 20.0),
        (3, SECOND, "Set-up broken", None, 30.0),
    ):
        store.add(Report(number, exercise.name, outcome, wrong, at))
    shown = state(store, KNOWN, 100.0 + STUCK)
    first, second = shown["exercises"][:2]
    assert first["cells"] == {1: "solved", 2: "stuck", 3: "left"}
    assert second["cells"] == {1: "stuck", 3: "solved"}
    assert first["wrong"] == {"what": FIRST.wrong[0], "count": 2}
    assert shown["past"] is None
    store.add(Report(2, FIRST.name, "Correct", None, 200.0))
    assert state(store, KNOWN, 400.0)["past"] == FIRST.label == "1.1"
    assert state(store, KNOWN, 399.0)["exercises"][1]["cells"][1] == "trying"
    told = summary(store, KNOWN)["exercises"]
    assert told[FIRST.name] == {
        "tried": 3,
        "solved": 2,
        "minutes": 1.4,
        "wrong": {FIRST.wrong[0]: 2, FIRST.wrong[1]: 1},
    }
    store.close()


def test_a_room_has_an_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.csv").write_text("Ada\nGrace\n", "utf-8")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    store = Store(command.database(room))
    seats = command.Seats(room, store)
    assert sorted(seats().values()) == [1, 2]
    assert seats().keys() == {key_of(password) for password in room.passwords.values()}
    (tmp_path / "list.csv").write_text("Ada\nGrace\nEve\n", "utf-8")
    Room(room.path, one_user=True).hand_out_passwords()
    assert sorted(seats().values()) == [1, 2, 3]
    (tmp_path / "list.csv").write_text("Ada Lovelace\n", "utf-8")
    assert set(seats().values()) == set(), "nobody of the list has a password"
    store.add(Report(1, FIRST.name, "Correct", None, 1.0))
    store.close()
    keep = tmp_path / "seen.json"
    assert command.end(room, keep) == 0
    assert json.loads(keep.read_text("utf-8"))["exercises"][FIRST.name]["solved"] == 1
    assert not list(room.folder.glob("board*"))
    assert command.end(room, None) == 2
    assert "has no board" in capsys.readouterr().err


def test_a_name_is_shown_where_the_list_says_so(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name;group;board\nAda L.;1;Name\nGrace;2\nEve;2;number\n")
    room = Room(tmp_path / "list.csv", one_user=True)
    room.prepare()
    store = Store(command.database(room))
    seats = command.Seats(room, store)
    ada = seats()[key_of(room.passwords["ada-l"])]
    assert seats.names() == {ada: "Ada L."}
    for number in (1, 2, 3):
        store.raise_hand(number, 5.0)
    shown = state(store, KNOWN, 6.0, seats.names())["attendees"]
    assert {one["number"]: one["name"] for one in shown if one["name"]} == {ada: "Ada L."}
    assert len(shown) == 3
    assert b"Ada" not in command.database(room).read_bytes()
    store.close()
    room.path.write_text("name,board\nAda L.,yes\n")
    with pytest.raises(AttendeesError, match=r"line 2.*'yes' under board; write name or number"):
        read_list(room.path)


def test_a_shared_rooms_attendees_report_by_their_api_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.csv").write_text("Ada\nGrace\n", "utf-8")
    with start(attendees=tmp_path / "list.csv"):
        held = read_keys(tmp_path / "list-keys.csv")
    store = Store(tmp_path / "board.db")
    seats = command.Seats(Room(tmp_path / "list.csv"), store)()
    assert seats.keys() == {key_of(key) for key in held.values()}
    monkeypatch.setenv(lesson_board.URL, "http://127.0.0.1:9")
    monkeypatch.setenv("RESONANCE_API_KEY", held["ada"])
    lesson_board.use()
    assert lesson_board._reporter is not None
    assert lesson_board._reporter._key in seats
    assert held["ada"] not in lesson_board._reporter._key
    monkeypatch.delenv(lesson_board.URL)
    lesson_board.use()
    store.close()


def test_a_rehearsal_is_never_counted_with_a_real_room(tmp_path: Path) -> None:
    store = Store(tmp_path / "board.db")
    store.add(Report(1, FIRST.name, "Correct", None, 1.0))
    store.close()
    with pytest.raises(ValueError, match="real room"):
        Store(tmp_path / "board.db", scripted=True)
    scripted = Store(tmp_path / "other.db", scripted=True)
    scripted.close()
    again = Store(tmp_path / "other.db")
    assert summary(again, KNOWN)["scripted"]
    again.close()
