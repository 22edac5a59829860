"""Text to the left, numbers to the right, whole numbers whole, one header row."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from resonance_helpers.lesson import tables

FRAME = pd.DataFrame(
    {
        "words": [1402.0, None, 966.0],
        "feedback": [0.97, 0.5, 1.0],
        "begins": ["Ask <ten>", "Why", None],
        "success": [True, False, True],
    },
    index=pd.Index(["plain", "bold", "bright"], name="profile"),
)


def test_text_stands_to_the_left_and_numbers_to_the_right():
    assert tables.as_text(FRAME).splitlines() == [
        "profile  words  feedback  begins     success",
        "plain     1402      0.97  Ask <ten>  True",
        "bold                0.50  Why        False",
        "bright     966      1.00             True",
    ]


def test_html_has_one_header_row_and_its_text_is_escaped():
    html = tables.as_html(FRAME)

    [head] = re.findall("<thead>(.*?)</thead>", html)
    assert head.count("<tr>") == 1
    assert re.findall("<th[^>]*>(.*?)</th>", head) == [
        *("profile", "words", "feedback", "begins", "success")
    ]
    assert '<td style="text-align: right">1402</td>' in html
    assert '<td style="text-align: left">Ask &lt;ten&gt;</td>' in html
    assert '<th scope="row" style="text-align: left">plain</th>' in html


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1.0, 2.0], ["1", "2"]),
        ([0.5, 2.0], ["0.5", "2.0"]),
        ([1 / 3, 2.0], ["0.333333", "2.000000"]),
        ([float("inf"), 1.5], ["inf", "1.5"]),
        ([True, False], ["True", "False"]),
        ([10**20, 1], ["100000000000000000000", "1"]),
    ],
)
def test_numbers_have_the_decimals_that_their_column_needs(values: list, shown: list[str]):
    lines = tables.as_text(pd.DataFrame({"x": values})).splitlines()
    assert [line.split()[1] for line in lines[1:]] == shown


def test_a_long_frame_is_shown_by_its_ends():
    lines = tables.as_text(pd.DataFrame({"n": range(100)})).splitlines()
    assert len(lines) == 1 + 2 * tables.FEW + 2
    assert lines[-1] == "100 rows by 1 columns"
    assert "100 rows by 1 columns" in tables.as_html(pd.DataFrame({"n": range(100)}))


def test_an_empty_frame_and_one_of_two_levels_are_shown_too():
    assert tables.as_text(pd.DataFrame({"n": []})).strip() == "n"
    assert "<table" in tables.as_html(pd.DataFrame())
    levels = pd.DataFrame({("a", "b"): [1]})
    assert tables.as_text(levels) == str(levels)
    assert tables.as_html(levels) == levels.to_html()


def test_a_notebook_shows_frames_so():
    shell = InteractiveShell()
    tables.show_in(shell)

    data, _ = shell.display_formatter.format(FRAME)

    assert data["text/plain"] == tables.as_text(FRAME)
    assert data["text/html"] == tables.as_html(FRAME)
