"""One sandbox for a room, on a real PostgreSQL: each attendee alone with what is theirs."""

from __future__ import annotations

import csv
import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import requests

from authoring.execute import cleared, run_cells
from resonance_helpers.lesson.manifest import LESSONS, NOTEBOOKS
from resonance_sandbox import Sandbox, SandboxError, start
from resonance_sandbox.tenants import attendees
from resonance_sandbox.tenants.attendees import AttendeesError, read_list, tenant_of
from tests.support.postgres import Postgres
from workshop import __main__ as workshop

RATE = 200


class Seat:
    """One attendee, as the file of keys describes them."""

    def __init__(self, row: dict[str, str]) -> None:
        self.tenant, self.url, self.key = (
            row["tenant"],
            row["RESONANCE_URL"],
            row["RESONANCE_API_KEY"],
        )
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-API-Key"] = self.key

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.session.request(method, self.url + path, json=body, headers=headers, timeout=30)


def seats(keys: Path) -> list[Seat]:
    with open(keys, encoding="utf-8") as file:
        return [Seat(row) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("room")
    (folder / "list.csv").write_text(
        "name,mail\nAda Lovelace,a@example.org\nGrace Hopper\n", "utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def room(folder: Path, postgres: Postgres) -> Iterator[Sandbox]:
    with start(
        database=postgres.database(), attendees=folder / "list.csv", rate_limit=RATE
    ) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def ada(room: Sandbox, folder: Path) -> Seat:
    return seats(folder / "list-keys.csv")[0]


@pytest.fixture
def grace(room: Sandbox, folder: Path) -> Seat:
    return seats(folder / "list-keys.csv")[1]


def test_each_has_a_tenant_that_no_other_sees(ada: Seat, grace: Seat) -> None:
    for seat, other in ((ada, grace), (grace, ada)):
        listed = seat("GET", "/tenants").json()["tenants"]
        assert [tenant["tenant"] for tenant in listed] == [seat.tenant]
        body = {"tenant": seat.tenant, "profile_name": "mine", "hrv_vector": [0.5] * 8}
        assert seat("POST", "/profiles", body).status_code == 201
        assert other("GET", f"/profiles/{seat.tenant}/mine").status_code == 404


def test_log_and_reset_are_ones_own(ada: Seat, grace: Seat) -> None:
    for seat in (ada, grace):
        assert seat("POST", "/sandbox/reset").status_code == 204
    ada("GET", "/profiles", **{"X-Request-ID": "from-ada"})
    told = [
        entry["request_id"]
        for seat in (grace, ada)
        for entry in seat("GET", "/sandbox/requests").json()["requests"]
    ]
    assert told.count("from-ada") == 1
    assert grace("GET", f"/sandbox/requests?tenant={ada.tenant}").status_code == 404
    grace("POST", "/sandbox/reset")
    ids = [entry["request_id"] for entry in ada("GET", "/sandbox/requests").json()["requests"]]
    assert "from-ada" in ids


def test_faults_are_ones_own(ada: Seat, grace: Seat) -> None:
    assert ada("POST", "/sandbox/faults", {"kind": "unavailable", "route": "/hrv"}).ok
    asked = {"text": "So it is."}
    assert ada("POST", "/hrv", asked).status_code == 503
    assert grace("POST", "/hrv", asked).status_code == 200
    ada("POST", "/sandbox/reset")
    assert ada("POST", "/hrv", asked).status_code == 200


def test_limits_are_ones_own(ada: Seat, grace: Seat) -> None:
    answers = (ada("GET", "/profiles?limit=1") for _ in range(10 * RATE))
    assert any(answer.status_code == 429 for answer in answers)
    assert grace("GET", "/profiles?limit=1").status_code == 200
    ada("POST", "/sandbox/reset")


def test_keys_are_for_one_pair_of_eyes_and_outlive_a_new_database(
    folder: Path, ada: Seat, tmp_path: Path
) -> None:
    keys = folder / "list-keys.csv"
    assert os.name == "nt" or stat.S_IMODE(keys.stat().st_mode) == 0o600
    (tmp_path / "list.csv").write_text("Ada Lovelace\nJosé Ñandú\n", "utf-8")
    again = tmp_path / "list-keys.csv"
    again.write_bytes(keys.read_bytes())
    with start(attendees=tmp_path / "list.csv") as server:
        first, second = seats(again)
        assert (first.tenant, first.key) == (ada.tenant, ada.key)
        assert (second.tenant, first.url) == ("jose-nandu", server.url)
        for seat in (first, second):
            assert seat("GET", "/profiles").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"Name;Mail\r\nLovelace, Ada;a@example.org\r\n;\r\nGrace;\r\n",
        b"\xef\xbb\xbf# from HR; by hand\nattendee\tmail\nLovelace, Ada\ta@example.org\n\nGrace\n",
        b'name,mail\r"Lovelace, Ada",a@example.org\r# late:\rGrace\r',
    ],
    ids=["semicolons", "tabs and a byte order mark", "commas and an old Mac"],
)
def test_lists_from_a_spreadsheet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    assert [one.name for one in read_list(tmp_path / "list.csv")] == ["Lovelace, Ada", "Grace"]


@pytest.mark.parametrize(
    ("name", "tenant"),
    [
        *[("Łukasz", "lukasz"), ("Øyvind", "oyvind"), ("Groß", "gross"), ("Đặng", "dang")],
        *[("Æsa Þórsdóttir", "aesa-thorsdottir"), ("GROẞ", "gross")],
        ("I\u015f\u0131l", "isil"),
        *[("Œuvre", "oeuvre"), ("Ħal", "hal"), ("Ɛkow", "ekow"), ("Ŋoma", "ngoma")],
        *[("José Ñandú", "jose-nandu"), ("Čapek", "capek"), ("İpek", "ipek"), ("名前", "")],
    ],
)
def test_names_are_written_in_latin_letters(name: str, tenant: str) -> None:
    assert tenant_of(name) == tenant


def test_of_a_name_without_end_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reaches a hub can send one, before any password."""
    looked: list[str] = []
    monkeypatch.setattr(attendees, "_latin", lambda letter: looked.append(letter) or letter)
    tenant_of("\ufdfa" * 1_000)
    assert len(looked) <= 18 * 256


def test_every_letter_of_the_latin_blocks_is_written() -> None:
    for code in (*range(0xC0, 0x180), *range(0x1E00, 0x1F00)):
        letter = chr(code)
        if letter.isalpha() and letter != "ẟ":  # of a writing of sounds
            assert tenant_of(letter), f"{letter} ({unicodedata.name(letter)})"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names nobody"),
        ("Ada\nADA\n", "line 2: 'ADA' makes the tenant ada, as 'Ada' does"),
        ("Ada\n\nglobex\n", "line 3: 'globex' is a tenant of every sandbox"),
        ("名前\n", "line 1: '名前' cannot be logged in with; write it in Latin letters"),
    ],
)
def test_lists_that_cannot_be_one(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "list.csv").write_text(text, "utf-8")
    with pytest.raises(AttendeesError, match=reason):
        read_list(tmp_path / "list.csv")


def test_keys_that_have_no_folder_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Ada\n", "utf-8")
    with pytest.raises(SandboxError, match=r"none.keys\.csv cannot be written: \w"):
        start(attendees=tmp_path / "list.csv", keys=tmp_path / "none" / "keys.csv")


def test_a_list_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"none\.csv cannot be read") as caught:
        start(attendees=tmp_path / "none.csv")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    "lesson",
    [
        LESSONS[1],
        *(pytest.param(one, marks=pytest.mark.soak) for one in LESSONS if one is not LESSONS[1]),
    ],
    ids=lambda lesson: lesson.slug,
)
def test_lessons_run_in_a_shared_sandbox(
    lesson: Any, grace: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_API_KEY", grace.key)
    grace("POST", "/sandbox/reset")
    path = NOTEBOOKS / lesson.filename
    notebook = cleared(nbformat.read(path, as_version=4), path)
    [done] = run_cells(notebook, NOTEBOOKS, name=lesson.filename, url=grace.url, timeout=120)
    told = nbformat.writes(done)
    assert "Connected to ResonanceOS" in told
    assert "server of RESONANCE_URL" in told
    assert grace.key not in told
    assert ("Skipped: this cell needs the sandbox" in told) == ("# sandbox only" in told)
    log = grace("GET", "/sandbox/requests").json()["requests"]
    failed = [entry for entry in log if entry["status"] >= 500]
    assert log
    assert not failed


@pytest.mark.parametrize(
    "command",
    [
        ["hub", "list.csv", "--port", "99999"],
        ["board", "list.csv", "--port", "-1"],
        ["trial", "--attendees", "0"],
    ],
)
def test_a_number_that_cannot_be_is_wrong_usage(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["workshop", *command])
    with pytest.raises(SystemExit) as caught:
        workshop.main()
    assert caught.value.code == 2
    assert repr(command[-1]) in capsys.readouterr().err
