"""The one clock: it only moves forward, and everything that ends or falls due goes by it."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.testclient import TestClient

from resonance_helpers.client.auth import OAuth2ClientCredentials
from resonance_helpers.webhooks import SeenEvents, WebhookReceiver
from resonance_sandbox import SandboxError, Settings, create_app, start
from resonance_sandbox.app import issue_credentials
from resonance_sandbox.clock import STILL, Clock, FrozenClock
from resonance_sandbox.settings import SettingsError
from resonance_sandbox.store import attempts, deliveries, grants, idempotency, webhooks
from tests.support.hook_server import HookServer, hook_server

HOURS = 3_600
DAYS = 86_400
AWAY = 28 * HOURS


class Hands:
    """A wall clock and a steady one, both in the test's hands."""

    def __init__(self) -> None:
        self.wall, self.steady = 1e9, 77.0
        self.clock = Clock(wall=lambda: self.wall, steady=lambda: self.steady)

    def live(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_it_is_the_wall_clock_and_follows_it_forwards_alone() -> None:
    hands = Hands()
    assert hands.clock() == 1e9
    hands.live(60)
    assert hands.clock() == 1e9 + 60
    hands.wall += 8 * HOURS  # the machine slept, and its steady clock with it
    assert hands.clock() == 1e9 + 60 + 8 * HOURS
    hands.wall -= 2 * DAYS
    assert hands.clock() == 1e9 + 60 + 8 * HOURS
    hands.live(5)
    assert hands.clock() == 1e9 + 65 + 8 * HOURS


@given(st.lists(st.tuples(st.sampled_from(["live", "wall", "advance"]), st.floats(-1e7, 1e7))))
def test_it_never_goes_back(moves: list[tuple[str, float]]) -> None:
    hands = Hands()
    before = hands.clock()
    for kind, seconds in moves:
        if kind == "live":
            hands.live(abs(seconds))
        elif kind == "wall":
            hands.wall += seconds
        else:
            hands.clock.advance_to(hands.clock() + seconds)
        assert hands.clock() >= before
        before = hands.clock()


@given(st.floats(0, 1e6), st.floats(0, 1e10))
def test_it_reaches_the_moment_that_it_is_advanced_to(steady: float, moment: float) -> None:
    clock = Clock(wall=lambda: 1e9, steady=lambda: steady)
    clock.advance_to(moment)
    assert clock() >= moment


def test_a_frozen_clock_displays_what_it_was_advanced_by() -> None:
    clock = FrozenClock()
    assert clock.shown() == STILL
    clock.advance_to(clock() + 100, "2026-01-01T00:01:40Z")
    assert clock.shown() == "2026-01-01T00:01:40Z"
    clock.advance_to(clock() + 1, "2026-01-01T00:00:30Z")
    assert clock.shown() == "2026-01-01T00:01:40Z"
    assert FrozenClock(AWAY).shown() == "2026-01-02T04:00:00Z"


class Room:
    """A sandbox in this process whose time stands still but for what it is advanced by."""

    def __init__(self, client: TestClient, credentials: dict[str, dict[str, str]]) -> None:
        self.client = client
        self.credentials = credentials
        self.state: Any = client.app.state  # type: ignore[attr-defined]

    def call(self, method: str, path: str, body: Any = None, who: str = "", **headers: str) -> Any:
        if who:
            headers["Authorization"] = f"Bearer {self.credentials[who]['api_key']}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, json=body, headers=sent)

    def advance(self, seconds: float) -> dict[str, Any]:
        answer = self.call("POST", "/sandbox/clock", {"seconds": seconds}, "admin")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def rows(self, *columns: Any) -> list[tuple[Any, ...]]:
        with self.state.database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(*columns))]


@contextlib.contextmanager
def room(**options: Any) -> Iterator[Room]:
    options = {"allow_loopback_webhooks": True, "webhook_disable_after": 3, **options}
    app = create_app(
        Settings(**options), url="http://localhost:80", clock=Clock(wall=lambda: 1e9, steady=float)
    )
    credentials = issue_credentials(app)
    with TestClient(app, "http://localhost") as client:
        yield Room(client, credentials)


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with hook_server() as server:
        yield server


def subscribe(house: Room, url: str) -> str:
    body = {"url": url, "events": ["profile.created"]}
    return str(house.call("POST", "/webhooks", body).json()["id"])


def profile(house: Room, name: str) -> None:
    body = {"tenant": "default", "profile_name": name, "hrv_vector": [0.5] * 8}
    assert house.call("POST", "/profiles", body).status_code == 201


# --- each, across +28 h ---------------------------------------------------------------------------


def test_windows_and_quota_end() -> None:
    with room(rate_limit=10**9, burst=10**9, quota=3) as house:
        for _ in range(3):
            assert house.call("GET", "/profiles").status_code == 200
        refused = house.call("GET", "/profiles")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(DAYS))
        house.advance(DAYS - 1)
        assert house.call("GET", "/profiles").headers["Retry-After"] == "1"
        house.advance(1)
        answer = house.call("GET", "/profiles")
        assert answer.status_code == 200
        reset = int(answer.headers["X-RateLimit-Reset"])
        date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert (date, reset) == (1e9 + DAYS, 1e9 + DAYS + 60)


def test_stored_answers_end() -> None:
    with room() as house:
        sent = [
            house.call("POST", "/hrv", {"text": "So it is."}, Idempotency_Key="k").headers
            for _ in range(2)
        ]
        assert ["idempotency-replayed" in headers for headers in sent] == [False, True]
        house.advance(AWAY)
        assert house.rows(idempotency.c.key) == []
        later = house.call("POST", "/hrv", {"text": "So it was."}, Idempotency_Key="k")
        assert (later.status_code, "idempotency-replayed" in later.headers) == (200, False)


def test_keys_and_the_overlap_of_a_rotation_end() -> None:
    with room() as house:
        body = {"scopes": ["profiles:read"], "tenant": "acme_corp", "expires_in": AWAY}
        made = house.call("POST", "/api_keys", body, "admin").json()
        path = f"/api_keys/{made['id']}/rotate"
        new = house.call("POST", path, {"overlap_seconds": HOURS}, "admin").json()
        assert new["previous_expires_at"] == "2001-09-09T02:46:40Z"
        old, key = {"X_API_Key": made["key"]}, {"X_API_Key": new["key"]}
        assert house.call("GET", "/profiles", **old).status_code == 200
        house.advance(HOURS)
        assert house.call("GET", "/profiles", **old).status_code == 401
        assert house.call("GET", "/profiles", **key).status_code == 200
        [shown] = [
            one
            for one in house.call("GET", "/api_keys", who="admin").json()["api_keys"]
            if one["id"] == made["id"]
        ]
        assert shown["previous_expires_at"] is None
        house.advance(AWAY - HOURS - 1)
        assert house.call("GET", "/profiles", **key).status_code == 200
        house.advance(1)
        assert house.call("GET", "/profiles", **key).status_code == 401


def token(house: Room) -> dict[str, Any]:
    held = house.credentials["acme_corp"]
    answer = house.client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(held["client_id"], held["client_secret"]),
    )
    return dict(answer.json())


def test_access_tokens_end_and_carry_the_clock() -> None:
    with room() as house:
        house.advance(AWAY)
        bearer = {"Authorization": f"Bearer {token(house)['access_token']}"}
        claims = house.state.directory._tokens.check(bearer["Authorization"][7:].encode())
        assert claims.expires_at == 1e9 + AWAY + 900
        assert house.call("GET", "/profiles", **bearer).status_code == 200
        house.advance(900 + 1)
        assert house.call("GET", "/profiles", **bearer).status_code == 401


def test_sign_ins_and_codes_end() -> None:
    with room() as house:
        held = house.credentials["acme_corp"]
        query = {
            "response_type": "code",
            "client_id": held["app_client_id"],
            "redirect_uri": held["redirect_uri"],
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
        }

        def page() -> str:
            return str(house.client.get(f"/oauth/authorize?{urlencode(query)}").text)

        def hidden(text: str) -> str:
            return text.partition('name="csrf" value="')[2].partition('"')[0]

        request = urlencode(query)
        form = {"request": request, "csrf": hidden(page())}
        form |= {"username": held["username"], "password": held["password"]}
        house.client.post("/oauth/sign_in", data=form)
        consent = page()
        assert "Allow this app?" in consent
        allow = {"request": request, "csrf": hidden(consent), "decision": "allow"}
        answer = house.client.post("/oauth/consent", data=allow, follow_redirects=False)
        assert parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
        assert len(house.rows(grants.c.digest)) == 1
        house.advance(AWAY)
        assert house.rows(grants.c.digest) == []
        assert "Password" in page(), "signed in no more"


def test_deliveries_are_retried_in_order_and_die(hooks: HookServer) -> None:
    hooks.say(500)
    with room() as house:
        webhook = subscribe(house, hooks.url)
        profile(house, "a")
        house.advance(AWAY)
        [found] = house.call("GET", f"/webhooks/{webhook}/deliveries").json()["deliveries"]
        tried = [one["at"] for one in found["attempts"]]
        assert tried == sorted(tried)
        assert len(tried) >= 7
        assert found["attempts"][0]["next_attempt_at"] == tried[1], "at the moment it was due"
        house.advance(8 * HOURS)
        [found] = house.call("GET", f"/webhooks/{webhook}/deliveries").json()["deliveries"]
        assert (found["status"], len(found["attempts"])) == ("dead", 8)
        stamps = [int(hook.headers["webhook-timestamp"]) for hook in hooks.hooks]
        assert stamps == sorted(stamps)
        assert stamps[-1] - stamps[0] >= sum(Settings().webhook_retry) - len(stamps)
        house.advance(7 * DAYS)
        assert house.rows(deliveries.c.seq) == house.rows(attempts.c.delivery) == []


def test_a_second_signature_ends_with_its_overlap(hooks: HookServer) -> None:
    with room() as house:
        webhook = subscribe(house, hooks.url)
        house.call("POST", f"/webhooks/{webhook}/rotate_secret", {"overlap_seconds": AWAY})
        house.advance(AWAY - 1)
        profile(house, "before")
        house.advance(1)
        profile(house, "after")
        house.advance(1)
        signatures = [hook.headers["webhook-signature"].split() for hook in hooks.hooks]
        assert [len(each) for each in signatures] == [2, 1]
        shown = house.call("GET", f"/webhooks/{webhook}").json()
        assert shown["previous_secret_expires_at"] is None


def test_uptime_goes_by_it_and_latencies_do_not() -> None:
    with room() as house:
        before = house.call("GET", "/health").json()["uptime_seconds"]
        house.advance(AWAY)
        health = house.call("GET", "/health")
        assert health.json()["uptime_seconds"] == before + AWAY
        metrics = house.call("GET", "/metrics").json()
        assert metrics["uptime_seconds"] == before + AWAY
        assert metrics["response_time"]["p99"] < 60
        assert float(health.headers["Server-Timing"].partition("=")[2]) < 60_000


# --- whose it is ----------------------------------------------------------------------------------


def test_it_is_the_owners_alone() -> None:
    with room() as house:
        for who, status in (("", 401), ("acme_corp", 403), ("admin", 200)):
            assert house.call("GET", "/sandbox/clock", who=who).status_code == status
            body = {"seconds": 1}
            assert house.call("POST", "/sandbox/clock", body, who).status_code == status
        bound = {"scopes": ["admin"], "tenant": "acme_corp"}
        key = house.call("POST", "/api_keys", bound, "admin").json()["key"]
        answer = house.call("POST", "/sandbox/clock", {"seconds": 1}, X_API_Key=key)
        assert answer.status_code == 403
        assert house.state.clock.ahead == 1
    with room(shared=True) as house:
        for who in ("", "acme_corp", "admin"):
            answer = house.call("POST", "/sandbox/clock", {"seconds": 1}, who)
            assert answer.status_code == 403
        assert house.state.clock.ahead == 0


@pytest.mark.parametrize(
    "body", [{}, {"seconds": 0}, {"seconds": -1}, {"seconds": "5"}, {"seconds": 1e9}, [], None]
)
def test_no_other_way_to_move_it(body: Any) -> None:
    with room() as house:
        answer = house.call("POST", "/sandbox/clock", body, "admin")
        assert answer.status_code in (400, 422)
        assert house.state.clock() == 1e9


def test_a_hundred_years_are_enough() -> None:
    with room() as house:
        for _ in range(10):
            house.advance(3_660 * DAYS)
        answer = house.call("POST", "/sandbox/clock", {"seconds": 3_660 * DAYS}, "admin")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "seconds")
        assert house.call("GET", "/profiles").status_code == 200


def test_it_is_not_in_the_openapi_document() -> None:
    with room() as house:
        assert "/sandbox/clock" not in house.client.get("/openapi.json").text


# --- living and advancing -------------------------------------------------------------------------


def outcome(steps: list[float], plan: list[tuple[str, int]], horizon: float) -> dict[str, Any]:
    """What every store holds after `plan`, and `horizon` seconds that pass in `steps`."""
    with pytest.MonkeyPatch.context() as patch, hook_server() as hooks:
        patch.setattr("random.uniform", lambda low, high: (low + high) / 2)
        hooks.say(500)
        with room(webhook_retry=(600.0, 7_200.0, 40_000.0)) as house:
            webhook, keys, browsers = subscribe(house, hooks.url), [], []
            for number, (kind, seconds) in enumerate(plan):
                if kind == "profile":
                    profile(house, f"p{number}")
                elif kind == "hrv":
                    key = f"k{number % 3}"
                    house.call("POST", "/hrv", {"text": "So it is."}, Idempotency_Key=key)
                elif kind == "key":
                    body = {"scopes": ["generate"], "tenant": "globex", "expires_in": 1 + seconds}
                    keys.append(house.call("POST", "/api_keys", body, "admin").json())
                    path, body = f"/api_keys/{keys[-1]['id']}/rotate", {"overlap_seconds": seconds}
                    keys.append(house.call("POST", path, body, "admin").json())
                elif kind == "rotate":
                    body = {"overlap_seconds": 10 * seconds}
                    house.call("POST", f"/webhooks/{webhook}/rotate_secret", body)
                else:
                    grant = (f"code{number}", "acme_corp-app", "u", "acme_corp", (), "", "")
                    house.state.authorization_server._grants.add_code(*grant)
                    browsers.append(house.state.sessions.sign_in("", "acme_corp-user"))
                house.advance(1 + seconds)
            left = horizon
            for step in itertools.cycle(steps):
                house.advance(min(step, left))
                left -= min(step, left)
                if left <= 0:
                    break
            limits = house.call("GET", "/profiles").headers
            shown = house.call("GET", f"/webhooks/{webhook}").json()
            return {
                "time": round(house.state.clock(), 5),
                "deliveries": house.rows(
                    deliveries.c.status,
                    deliveries.c.reason,
                    deliveries.c.tries,
                    deliveries.c.due_shown,
                ),
                "attempts": house.rows(attempts.c.delivery, attempts.c.number, attempts.c.at),
                "webhooks": house.rows(webhooks.c.disabled_reason, webhooks.c.dead_in_a_row),
                "overlap": shown["previous_secret_expires_at"],
                "answers": sorted(house.rows(idempotency.c.key)),
                "codes": house.rows(grants.c.expires_at),
                "keys": [
                    house.call("GET", "/api_keys", X_API_Key=one["key"]).status_code for one in keys
                ],
                "signed in": [house.state.sessions.user(one) for one in browsers],
                "sent": [hook.headers["webhook-timestamp"] for hook in hooks.hooks],
                "signatures": [
                    len(hook.headers["webhook-signature"].split()) for hook in hooks.hooks
                ],
                "limits": limits["RateLimit"],
            }


PLANS = st.lists(
    st.tuples(
        st.sampled_from(["profile", "profile", "hrv", "key", "rotate", "sign in"]),
        st.integers(0, 50_000),
    ),
    max_size=5,
)


@settings(max_examples=5)
@given(
    PLANS,
    st.lists(st.integers(20_000, 900_000), min_size=1, max_size=5),
    st.sampled_from([HOURS, AWAY, 30 * DAYS]),
)
@example(
    [("profile", 3), ("hrv", 0), ("key", 40_000), ("rotate", 700), ("profile", 9), ("sign in", 5)],
    [61_000, 29_000],
    30 * DAYS,
)
def test_days_at_once_are_days_lived(
    plan: list[tuple[str, int]], lived: list[int], horizon: float
) -> None:
    steps = [float(round(step * horizon / (30 * DAYS))) for step in lived]
    assert outcome(steps, plan, horizon) == outcome([horizon], plan, horizon)


# --- a sandbox of its own process -----------------------------------------------------------------


def test_from_python(hooks: HookServer) -> None:
    with start(allow_loopback_webhooks=True, token_lifetime=60) as sandbox:
        clock = sandbox.clock
        assert abs(clock() - time.time()) < 5
        seen = SeenEvents(keep=DAYS, clock=clock)
        with seen.once("msg_1") as first:
            assert first
        held = sandbox.credentials["acme_corp"]
        auth = OAuth2ClientCredentials(
            f"{sandbox.url}/oauth/token", held["client_id"], held["client_secret"], clock=clock
        )
        client = requests.Session()
        client.trust_env = False
        assert client.get(f"{sandbox.url}/profiles", auth=auth, timeout=10).status_code == 200
        before = clock()
        clock.advance(hours=28)
        assert abs(clock() - before - AWAY) < 5
        assert clock.ahead == timedelta(hours=28)
        assert "msg_1" not in seen
        answer = client.get(f"{sandbox.url}/profiles", auth=auth, timeout=10)
        assert answer.status_code == 200
        assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - clock()) < 5
        tokens = [one for one in sandbox.requests("acme_corp") if one["path"] == "/oauth/token"]
        assert tokens == [] or len(tokens) == 2
        secret = "whsec_" + "A" * 32
        with WebhookReceiver(secret, clock=clock) as receiver:
            body = {"url": receiver.url, "events": ["profile.created"], "secret": secret}
            client.post(f"{sandbox.url}/webhooks", json=body, timeout=10)
            made = {"tenant": "default", "profile_name": "n", "hrv_vector": [0.5] * 8}
            client.post(f"{sandbox.url}/profiles", json=made, timeout=10)
            clock.advance(seconds=1)
            assert [event.type for event in receiver.events] == ["profile.created"]
        with pytest.raises(ValueError, match="Fix: give days="):
            clock.advance(hours=-1)


def test_a_receiver_that_goes_by_it_takes_what_falls_due_on_the_way() -> None:
    secret = "whsec_" + "A" * 32
    with (
        start(allow_loopback_webhooks=True) as sandbox,
        WebhookReceiver(secret, clock=sandbox.clock) as receiver,
    ):
        receiver.stop()
        body = {"url": receiver.url, "events": ["profile.created"], "secret": secret}
        sandbox.call("POST", "/webhooks", body)
        made = {"tenant": "default", "profile_name": "n", "hrv_vector": [0.5] * 8}
        sandbox.call("POST", "/profiles", made)
        sandbox.clock.advance(minutes=10)
        receiver.start()
        sandbox.clock.advance(hours=28)
        assert [(one.outcome, one.reason) for one in receiver.receipts] == [("handled", "")]


def test_a_restart_does_not_turn_it_back(tmp_path: Any) -> None:
    database = tmp_path / "kept.db"
    with start(database=database) as sandbox:
        sandbox.clock.advance(days=2)
    with start(database=database, clock="28h") as sandbox:
        assert sandbox.clock.ahead == timedelta(days=2)
    with start(clock="28h") as sandbox:
        assert abs(sandbox.clock() - time.time() - AWAY) < 5


def test_a_room_has_none(tmp_path: Any) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Ada\n")
    with (
        start(attendees=names) as sandbox,
        pytest.raises(SandboxError, match="Several people"),
    ):
        sandbox.clock.advance(hours=1)
    with pytest.raises(SandboxError, match="leave --clock out"):
        start(attendees=names, clock="1h")
    with pytest.raises(SandboxError, match="give a number and its unit"):
        start(clock="soon")
    with pytest.raises(SettingsError, match="100 years"):
        Settings(clock=-1)


def test_the_handle_says_how_far() -> None:
    def call(method: str, path: str, body: Any = None, timeout: float = 0) -> Any:
        ahead = body["seconds"] if body else 0.0
        return {"time": time.time() + ahead, "ahead_seconds": ahead, "shown": ""}

    from resonance_sandbox.control.sandbox_clock import SandboxClock

    clock = SandboxClock(call)
    clock.advance(days=1, hours=4)
    assert repr(clock) == "<the sandbox's clock, 1 day, 4:00:00 ahead>"
