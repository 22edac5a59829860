"""The rate limit as the headers tell it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from resonance_helpers.client.transport import RateLimit
from resonance_helpers.client.transport.rate_limit import parse_policies


def test_the_draft_headers_are_read() -> None:
    headers = {"RateLimit": '"minute";r=42;t=17', "RateLimit-Policy": '"minute";q=1000;w=60'}
    assert RateLimit.from_headers(headers) == RateLimit(42, 17.0, 1000, 60, "minute")


def test_of_several_limits_the_one_that_binds_first_counts() -> None:
    headers = {
        "RateLimit": '"day"; r=99000; t=80000, "minute"; r=7; t=30, "odd"',
        "RateLimit-Policy": '"minute";q=1000;w=60, "day";q=100000;w=86400',
    }
    limit = RateLimit.from_headers(headers)
    assert limit == RateLimit(7, 30.0, 1000, 60, "minute")


def test_the_older_headers_are_read_where_there_are_no_others() -> None:
    older = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "9"}
    assert RateLimit.from_headers(CaseInsensitiveDict(older)) == RateLimit(3, 9.0, 10)
    both = {**older, "RateLimit": '"m";r=1;t=2'}
    assert RateLimit.from_headers(both) == RateLimit(1, 2.0, None, None, "m")


def test_nothing_said_is_nothing_known() -> None:
    assert RateLimit.from_headers({}) is None
    assert RateLimit.from_headers({"RateLimit": "lots", "X-RateLimit-Remaining": "-1"}) is None
    assert RateLimit.from_headers({"RateLimit": '"m";t=5'}) is None


def test_a_header_of_blanks_takes_no_time() -> None:
    # 65 KB took half a minute while the pattern began with blanks: each one could be the first.
    began = time.process_time()
    assert RateLimit.from_headers({"RateLimit": "\t" * 65_000, "RateLimit-Policy": "x"}) is None
    assert time.process_time() - began < 2


def test_time_brings_the_reset_nearer_and_not_past_now() -> None:
    limit = RateLimit(1, 10.0)
    assert limit.aged(4).reset == 6
    assert limit.aged(40).reset == 0


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_is_too_much(limit: str, policy: str) -> None:
    RateLimit.from_headers({"RateLimit": limit, "RateLimit-Policy": policy})
    RateLimit.from_headers({"X-RateLimit-Remaining": limit, "X-RateLimit-Reset": policy})


def test_a_reset_is_seconds_or_unix_time_whichever_it_can_be() -> None:
    def reset(value: str, **more: str) -> float:
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": value, **more}
        limit = RateLimit.from_headers(headers, now=1_800_000_000.0)
        assert limit
        return limit.reset

    assert reset("30") == 30
    assert reset("0.5") == 0.5
    assert reset(f"{365 * 86_400}") == 365 * 86_400
    assert reset("1800000002") == 2
    assert reset("1800000002.5") == 2.5
    assert reset("1800000002500") == 2.5
    assert reset("1799999990") == 0
    # The server's clock is an hour behind: its own Date tells.
    assert reset("1799996402", Date="Fri, 15 Jan 2027 07:00:00 GMT") == 2
    assert reset("9" * 13) <= 2**31
    for told in ('"minute";r=0;t={}', "limit=9, remaining=0, reset={}"):
        for value, left in (("30", 30), ("1800000002", 2), ("1800000002500", 2.5)):
            limit = RateLimit.from_headers({"RateLimit": told.format(value)}, now=1_800_000_000.0)
            assert limit is not None
            assert limit.reset == left


def test_no_wait_is_without_bound() -> None:
    for headers in (
        {"RateLimit": '"x";r=0;t=999999999999'},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"},
    ):
        limit = RateLimit.from_headers(headers)
        assert limit
        assert limit.reset <= 2**31


@pytest.mark.parametrize(
    ("policy", "limits"),
    [
        ('"a";q=10;w=1;c="x, y", "b";q=5;w=60', {"a": (10, 1), "b": (5, 60)}),
        ('"a";q=10;w=1;c="\\", \\"c\\";q=1", "b";q=5;w=60', {"a": (10, 1), "b": (5, 60)}),
        ('"a";pk=:cHsdsRa894==:;q=10;w=1;x;y=?1', {"a": (10, 1)}),
        ('"a";q=10;w=1;qu="requests"', {"a": (10, 1)}),
        ('"a";q=9;w=1, "b";q=1000;w=1;qu="content-bytes"', {"a": (9, 1)}),
        (
            '100;w=60, 1000;w=3600;comment="x, y"',
            {"100;w=60": (100, 60), "1000;w=3600": (1000, 3600)},
        ),
    ],
)
def test_a_policy_in_each_form(policy, limits):
    assert parse_policies({"RateLimit-Policy": policy}) == limits


@pytest.mark.parametrize(
    "headers",
    [
        {"RateLimit": "limit=100, remaining=7, reset=9"},
        {"RateLimit-Limit": "100", "RateLimit-Remaining": "7", "RateLimit-Reset": "9"},
        {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "9"},
    ],
)
def test_a_limit_without_a_name_has_the_window_of_its_policy(headers):
    policy = {"RateLimit-Policy": "20;w=1, 100;w=60"}
    found = RateLimit.from_headers({**headers, **policy}, 0.0)
    assert found == RateLimit(7, 9.0, 100, 60.0, "100;w=60")
    assert RateLimit.from_headers(headers, 0.0) == RateLimit(7, 9.0, 100)


def test_what_limits_bytes_holds_no_request_up():
    headers = {
        "RateLimit-Policy": '"a";q=9;w=1, "b";q=1000;w=1;qu="content-bytes"',
        "RateLimit": '"a";r=3;t=1, "b";r=0;t=1',
    }
    assert RateLimit.from_headers(headers, 0.0) == RateLimit(3, 1.0, 9, 1.0, "a")
