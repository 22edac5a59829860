"""The Retry-After header, in every form of RFC 9110 (sections 10.2.3 and 5.6.7).

A number of seconds, or a date in one of three forms: today's IMF-fixdate, and the two obsolete
ones that a recipient must still read. Anything else is malformed and counts as absent.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_WEEKDAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_FORMS = [
    re.compile(form, re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",  # IMF-fixdate
        rf"{_WEEKDAY}, (?P<day>\d{{2}})-{_MONTH}-(?P<year>\d{{2}}) {_TIME} GMT",  # RFC 850
        rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",  # asctime
    )
]
_SECONDS = re.compile(r"[0-9]+")

LONGEST = float(2**31)
"""Seconds; what is longer than this (68 years) is cut to it, as RFC 9111 (1.2.2) advises."""


def parse_retry_after(value: str | None, *, now: float, date: str | None = None) -> float | None:
    """Seconds to wait from now on, never negative; None where there is no valid value.

    Args:
        value: The header.
        now: This machine's time, in seconds since the epoch.
        date: The answer's Date header. A wait until a date is counted from it where there is
            one, so that a wrong clock on this machine shortens no wait.
    """
    value = (value or "").strip(" \t")
    several = value.split(", ")  # a server and a gateway may each have said it
    if all(map(_SECONDS.fullmatch, several)):
        return min(max(map(float, several)), LONGEST)
    then = parse_http_date(value, now=now)
    if then is None:
        return None
    sent = parse_http_date((date or "").strip(" \t"), now=now)
    return min(max(0.0, then - (now if sent is None else sent)), LONGEST)


def parse_http_date(value: str, *, now: float) -> float | None:
    """Seconds since the epoch, or None where `value` is not an HTTP-date.

    `now` tells which century a two-digit year means: that of the latest year with those digits
    that is no more than 50 years ahead.
    """
    match = next(filter(None, (form.fullmatch(value) for form in _FORMS)), None)
    if match is None:
        return None
    year, day, hour, minute, second = (
        int(match[part]) for part in ("year", "day", "hour", "minute", "second")
    )
    if len(match["year"]) == 2:
        latest = datetime.fromtimestamp(now, UTC).year + 50
        year = latest - (latest - year) % 100
    leap = second == 60  # the grammar allows a leap second, datetime does not
    try:
        moment = datetime(year, _MONTHS.index(match["month"]) + 1, day, hour, minute, second - leap)
    except ValueError:
        return None
    return float(timegm(moment.timetuple()) + leap)
