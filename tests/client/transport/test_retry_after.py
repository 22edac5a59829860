"""Retry-After in every form of RFC 9110, and in none."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.client.transport.retry_after import (
    LONGEST,
    parse_http_date,
    parse_retry_after,
)

EXAMPLE = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples


def imf_fixdate(moment: datetime) -> str:
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment:%d} {month} {moment:%Y %H:%M:%S} GMT"


def rfc_850(moment: datetime) -> str:
    day = _WEEKDAYS[moment.weekday()]
    return f"{day}, {moment:%d}-{_MONTHS[moment.month - 1]}-{moment:%y %H:%M:%S} GMT"


def asctime(moment: datetime) -> str:
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day} {month} {moment.day:2} {moment:%H:%M:%S %Y}"


_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DAYS = [day[:3] for day in _WEEKDAYS]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_the_three_dates_of_the_rfc_are_one_moment(text: str) -> None:
    assert parse_http_date(text, now=EXAMPLE) == EXAMPLE
    assert parse_retry_after(text, now=EXAMPLE - 90) == 90
    assert parse_retry_after(text, now=EXAMPLE + 90) == 0


@given(st.integers(0, 99_999_999), st.sampled_from(["", " ", "\t ", "  "]))
def test_seconds_are_taken_as_they_are(seconds: int, space: str) -> None:
    assert parse_retry_after(f"{space}{seconds}{space}", now=0) == seconds


@pytest.mark.parametrize("digits", [11, 400, 5000])
def test_a_wait_beyond_all_measure_is_cut(digits: int) -> None:
    assert parse_retry_after("9" * digits, now=0) == LONGEST


def test_leading_zeros_mean_nothing() -> None:
    assert parse_retry_after("007", now=0) == 7


@given(st.datetimes(datetime(2000, 1, 1), datetime(2039, 12, 31)), st.integers(0, 3_000_000))
def test_any_date_in_any_form_is_read(moment: datetime, ahead: int) -> None:
    then = moment.replace(microsecond=0, tzinfo=UTC)
    now = then.timestamp() - ahead
    for form in (imf_fixdate, rfc_850, asctime):
        assert parse_retry_after(form(then), now=now) == ahead, form


def test_two_digits_of_a_year_far_ahead_mean_the_last_century() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
    for year, meant in [("26", 2026), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000)]:
        parsed = parse_http_date(f"Sunday, 06-Nov-{year} 08:49:37 GMT", now=now)
        assert datetime.fromtimestamp(parsed or 0, UTC).year == meant


def test_a_leap_second_is_a_second() -> None:
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now=0) == parse_http_date(
        "Sun, 01 Jan 2017 00:00:00 GMT", now=0
    )


def test_a_date_is_counted_from_the_servers_clock() -> None:
    wrong_clock = EXAMPLE + 3600
    assert (
        parse_retry_after(
            "Sun, 06 Nov 1994 08:50:37 GMT",
            now=wrong_clock,
            date="Sun, 06 Nov 1994 08:49:37 GMT",
        )
        == 60
    )
    assert parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now=EXAMPLE, date="today") == 60
    assert parse_retry_after("5", now=EXAMPLE, date="Sun, 06 Nov 1994 08:49:37 GMT") == 5


BY_HAND = [
    None, "", " ", "soon", "-1", "+1", "1.5", "1e3", "0x10", "1,2", "1 2", "1;2", "1s", "٣",
    "\uff11", "½", "1_000", "NaN", "inf", "None", "null", "[1]", '"5"', "5\x00", "\x005", "5\n6",
    "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000", "sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 06 08:49 1994", "Sun Nov 6 08:49:37 1994",
    "1994-11-06T08:49:37Z", "06 Nov 1994", "Sun,  06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT GMT", "Sun, 06 Nov \u0661\u0669\u0669\u0664 08:49:37 GMT",
]  # fmt: skip


def spoilt(count: int) -> list[str]:
    """Valid values with one character too many, too few or another, which makes them invalid."""
    chance = random.Random(9110)
    valid = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"]
    letters = string.ascii_letters + " ,:-"
    values: list[str] = []
    while len(values) < count:
        text = chance.choice(valid)
        at = chance.randrange(len(text))
        if text[at].isdigit():
            letter = chance.choice(string.ascii_letters)
        else:
            letter = chance.choice(letters.replace(text[at], ""))
        what = chance.choice([text[:at] + letter + text[at + 1 :], text[:at] + text[at + 1 :]])
        values.append(what)
    return values


MALFORMED = [*BY_HAND, *spoilt(200 - len(BY_HAND))]


def test_there_are_two_hundred_malformed_values() -> None:
    assert len(MALFORMED) == 200


@pytest.mark.parametrize("value", MALFORMED)
def test_what_is_malformed_counts_as_absent(value: str | None) -> None:
    assert parse_retry_after(value, now=EXAMPLE - 90) is None


@given(st.text(max_size=60), st.text(max_size=40))
def test_no_text_is_too_much(value: str, date: str) -> None:
    wait = parse_retry_after(value, now=EXAMPLE, date=date)
    assert wait is None or 0 <= wait <= LONGEST
