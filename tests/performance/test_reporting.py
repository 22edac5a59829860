"""A report says what was measured, in every form, and leaves nothing out that failed."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resonance_helpers.performance import (
    PUBLISHED,
    Run,
    Sample,
    ServiceLevel,
    beside_published,
    report,
)


@pytest.fixture
def run() -> Run:
    answered = [
        Sample(10 + i, i, i + 0.1, i + 0.2 + i / 1000, "", 0.05, 1000 + i, 0.9) for i in range(48)
    ]
    failed = [Sample(5, 48, 48, 49, "<b>rate-limited</b>", attempts=4) for _ in range(2)]
    return Run([*answered, *failed], workers=4, wall=50.0, rate=1.0)


def test_the_summary_names_every_kind_of_failure_and_both_times(run: Run) -> None:
    text = str(run)
    assert "50, open loop, 1 calls due a second, at most 4 at once" in text
    assert re.search(r"answered +96\.0% \(\d+\.\d% to \d+\.\d%\)", text)
    assert "failed: <b>rate-limited</b>  2" in text
    assert re.search(r"response time, p50 +0\.22\d s \(0\.2\d\d s to 0\.2\d\d s\)", text)
    assert re.search(r"service time, p50 +0\.12\d ", text)
    assert re.search(r"response time, p99 +never, no interval: 50 calls of 368 needed", text)
    assert re.search(r"server time, mean +0\.050 s", text)


def test_a_closed_loop_has_one_time_only() -> None:
    text = str(Run([Sample(1, 0, 0, 1, content_length=5)], 1, 1.0))
    assert "closed loop" in text
    assert "service time" not in text
    assert "server time" not in text  # this server said nothing of its own
    assert re.search(r"mean hrv_feedback +none", text)


def test_the_frame_has_the_seeds_columns_first(run: Run) -> None:
    frame = run.frame
    assert list(frame.columns[:5]) == [
        "prompt_length",
        "response_time",
        "content_length",
        "hrv_feedback",
        "chars_per_second",
    ]
    assert len(frame) == 50
    assert frame["ok"].sum() == 48
    first = frame.iloc[0]
    assert first["response_time"] == pytest.approx(0.2)
    assert first["chars_per_second"] == pytest.approx(1000 / 0.2)
    assert frame.iloc[-1]["failure"] == "<b>rate-limited</b>"


def test_measured_beside_published(run: Run) -> None:
    table = beside_published(run)
    assert list(table["published"]) == [0.234, 156.7, 98.5, 0.742]
    assert list(table.index) == list(PUBLISHED)
    assert list(table["measured"]) == pytest.approx(
        [
            sum(0.2 + i / 1000 for i in range(48)) / 48,
            sum(1000 + i for i in range(48)) / 50,
            96.0,
            0.9,
        ]
    )


class Strict(HTMLParser):
    """Notes what a page would load, and which tags are open."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_escapes_what_a_server_said(
    run: Run, tmp_path: Path
) -> None:
    made = report(run, [ServiceLevel(metric="success_rate", at_least=0.985)], "A & B")
    page = made.save(tmp_path / "report.html").read_text(encoding="utf-8")
    parser = Strict()
    parser.feed(page)
    assert parser.open == []
    assert parser.loads == []
    assert {"svg", "table", "h1"} <= parser.seen
    assert "b" not in parser.seen
    assert "A &amp; B" in page
    assert "broken" in page


def test_csv_has_one_row_a_call(run: Run, tmp_path: Path) -> None:
    with report(run).save(tmp_path / "calls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 50
    assert float(rows[3]["prompt_length"]) == 13
    assert rows[-1]["response_time"] == "inf"


def test_a_broken_promise_is_told_in_every_form(run: Run) -> None:
    broken = report(run, [ServiceLevel(metric="success_rate", at_least=0.985)])
    assert not broken.verdicts
    assert "broken: success rate at least 0.985" in repr(broken)
    assert "broken" in broken.html
    assert "broken" not in repr(report(run))


def test_another_ending_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.html or \.csv"):
        report(run).save(tmp_path / "report.pdf")


def test_a_field_that_does_not_exist_is_named(run: Run) -> None:
    with pytest.raises(ValueError, match="of is 'speed'"):
        run.times("speed")
    without = Run([Sample(1, 0, 0, 1)], 1, 1.0)
    with pytest.raises(ValueError, match="no Server-Timing"):
        without.percentile(0.5, "server_time")


def test_correlations_leave_out_what_failed(run: Run) -> None:
    found = run.correlation("prompt_length", "response_time")
    assert found.n == 48
    assert found.value == pytest.approx(1)
    assert not run.correlation("hrv_feedback", "response_time").shown
