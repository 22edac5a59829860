"""What is verified, what is not, and that the reference library agrees about both."""

from __future__ import annotations

import base64
import json
import pickle
import random
import time
import wsgiref.headers
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
import standardwebhooks
import werkzeug.datastructures as werkzeug
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_helpers.client.auth import Secret
from resonance_helpers.webhooks import WebhookVerificationError, new_secret, sign, verify
from tests.webhooks.deliveries import NOW, Sent, delivery, mutations

SECRET = new_secret()


def refused(sent: Sent, secrets: Any = SECRET, **options: Any) -> str:
    with pytest.raises(WebhookVerificationError) as caught:
        verify(sent.body, sent.headers, secrets, **{"now": NOW, **options})
    assert str(caught.value).endswith((".", "?"))
    return caught.value.reason


def test_a_delivery_becomes_an_event() -> None:
    sent = delivery(SECRET)
    event = verify(sent.body, sent.headers, SECRET, now=NOW)
    assert (event.id, event.sent_at, event.type) == ("msg_1", NOW, "profile.created")
    assert event.data == {"n": 1}
    assert event.payload == json.loads(sent.body)


def test_the_example_of_the_specification() -> None:
    # The vector that the implementations of Standard Webhooks share.
    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = sign(body, secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


identifiers = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."),
    min_size=1,
    max_size=64,
)
keys = st.binary(min_size=24, max_size=64)
payloads = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text()))


@given(key=keys, webhook_id=identifiers, payload=payloads, ascii_only=st.booleans())
@settings(max_examples=40, deadline=None)
def test_we_and_the_reference_library_verify_each_other(
    key: bytes, webhook_id: str, payload: dict[str, Any], ascii_only: bool
) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    text = json.dumps(payload, ensure_ascii=ascii_only)
    body = text.encode("utf-8", "replace")
    reference = standardwebhooks.Webhook(secret)
    now = int(time.time())

    ours = sign(body, secret, webhook_id, now)
    assert reference.verify(body, ours) == json.loads(body)

    moment = datetime.fromtimestamp(now, UTC)
    theirs = reference.sign(webhook_id, moment, body.decode())
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(now), "webhook-signature": theirs}
    assert verify(body, headers, secret).payload == json.loads(body)
    assert theirs == ours["webhook-signature"]


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_headers_come_in_any_case_and_container(spelling: Any) -> None:
    sent = delivery(SECRET)
    pairs = [(spelling(name), value) for name, value in sent.headers.items()]
    pairs.append(("Content-Type", "application/json"))
    raw = [(name.encode(), value.encode()) for name, value in pairs]  # as ASGI has them
    message = Message()  # as http.server has them
    for name, value in pairs:
        message[name] = value
    plain = wsgiref.headers.Headers(pairs)  # it has items, but can't be iterated itself
    containers: tuple[Any, ...] = (dict(pairs), pairs, raw, message, werkzeug.Headers(pairs), plain)
    for headers in containers:
        assert verify(sent.body, headers, SECRET, now=NOW).id == "msg_1"


def test_while_a_secret_is_replaced_either_side_may_know_two() -> None:
    new, other = new_secret(), new_secret()
    both = sign(b"{}", [new, SECRET], "msg_1", NOW)
    assert both["webhook-signature"].count("v1,") == 2
    for secrets in (new, SECRET, [other, SECRET]):
        assert verify(b"{}", both, secrets, now=NOW)
    old = sign(b"{}", SECRET, "msg_1", NOW)
    assert verify(b"{}", old, (new, SECRET), now=NOW)
    assert refused(Sent(b"{}", old), [new, other]) == "no-matching-signature"
    asymmetric = f"v1a,{base64.b64encode(bytes(64)).decode()} "
    assert verify(
        b"{}",
        {**old, "webhook-signature": asymmetric + old["webhook-signature"]},
        SECRET,
        now=NOW,
    )


def test_the_clocks_may_differ_by_so_much_and_no_more() -> None:
    for off in (-300, 0, 300):
        sent = delivery(SECRET, timestamp=NOW + off)
        assert verify(sent.body, sent.headers, SECRET, now=NOW).sent_at == NOW + off
    assert refused(delivery(SECRET, timestamp=NOW - 301)) == "too-old"
    assert refused(delivery(SECRET, timestamp=NOW + 301)) == "too-new"
    assert refused(delivery(SECRET, timestamp=NOW - 11), tolerance=10) == "too-old"
    sent = delivery(SECRET, timestamp=int(time.time()))
    assert verify(sent.body, sent.headers, SECRET)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed_once(name: str) -> None:
    sent = delivery(SECRET)
    assert refused(sent.with_header(name, "")) == "missing-header"
    twice = [*sent.headers.items(), (name.title(), sent.headers[name])]
    assert refused(Sent(sent.body, twice)) == "malformed-header"  # type: ignore[arg-type]


def test_a_dot_moves_nothing_from_one_part_to_another() -> None:
    with pytest.raises(ValueError, match="without a dot"):
        sign(b"{}", SECRET, "msg_1.2", NOW)
    headers = sign(b'1.{"a": 1}', SECRET, "msg_1", NOW)
    moved = {**headers, "webhook-id": f"msg_1.{NOW}", "webhook-timestamp": "1"}
    assert refused(Sent(b'{"a": 1}', moved), now=1) == "malformed-header"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b"nonsense", b'{"a": NaN}', b'{"a": 1', b"\xff{}", "{}".encode("utf-16"),
     b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"],
)  # fmt: skip
def test_what_is_signed_and_no_json_object_is_refused(body: bytes) -> None:
    assert refused(Sent(body, sign(body, SECRET, "msg_1", NOW))) == "malformed-body"


@pytest.mark.parametrize("body", ["{}", {"type": "x"}, None])
def test_a_parsed_body_is_a_mistake_of_the_program(body: Any) -> None:
    with pytest.raises(TypeError, match="raw bytes"):
        verify(body, delivery(SECRET).headers, SECRET)


@pytest.mark.parametrize(
    "secret", ["", "hunter2-hunter2", "whsec_****", "whsec_c2hvcnQ=", "é" * 32]
)
def test_what_is_no_secret_says_so_and_is_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret is whsec_") as caught:
        verify(b"{}", {}, secret)
    assert not secret or secret not in str(caught.value)
    with pytest.raises(ValueError, match="no signing secret"):
        verify(b"{}", {}, [])
    with pytest.raises(TypeError, match="a string or a Secret"):
        verify(b"{}", {}, [b"bytes" * 8])  # type: ignore[list-item]


def test_a_new_secret_is_new_and_does_not_show() -> None:
    assert isinstance(SECRET, Secret)
    assert new_secret() != new_secret()
    assert len(base64.b64decode(SECRET.reveal().removeprefix("whsec_"))) == 32


def test_an_error_travels() -> None:
    error = pickle.loads(pickle.dumps(WebhookVerificationError("too-old", "Long ago.")))
    assert (error.reason, str(error)) == ("too-old", "Long ago.")


def soaked(count: int, seed: int) -> None:
    """Change deliveries at random: none is accepted, and each is refused with the one error."""
    rng = random.Random(seed)
    mutate = mutations(rng, SECRET)
    reasons = set()
    for number in range(count):
        sent = delivery(SECRET, {"type": "x", "n": rng.random()}, webhook_id=f"msg_{number}")
        changed = mutate(sent)
        try:
            event = verify(changed.body, changed.headers, SECRET, now=NOW)
        except WebhookVerificationError as error:
            reasons.add(error.reason)
        else:
            raise AssertionError(f"seed {seed}, {number}: {changed} was taken for {event}")
    assert reasons >= {"missing-header", "malformed-header", "too-old", "too-new"}
    assert "no-matching-signature" in reasons


def test_no_mutated_delivery_is_accepted() -> None:
    soaked(2_500, seed=6)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_no_mutated_delivery_is_accepted_soak(seed: int) -> None:
    soaked(50_000, seed)


@given(
    body=st.binary(max_size=64),
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"]),
        st.text(max_size=64) | st.binary(max_size=64),
    ),
)
@settings(max_examples=100, deadline=None)
def test_anything_at_all_gets_the_one_error(body: bytes, headers: dict[str, Any]) -> None:
    with pytest.raises(WebhookVerificationError):
        verify(body, headers, SECRET)
