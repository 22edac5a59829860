"""Deliveries as they should be, and as an attacker would have them."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from resonance_helpers.client.auth import Secret
from resonance_helpers.webhooks import new_secret, sign

NOW = 1_800_000_000


@dataclass(frozen=True)
class Sent:
    body: bytes
    headers: dict[str, str]

    def with_header(self, name: str, value: str) -> Sent:
        return replace(self, headers={**self.headers, name: value})


def delivery(
    secret: Secret,
    payload: Any = None,
    *,
    webhook_id: str = "msg_1",
    timestamp: int = NOW,
) -> Sent:
    content = {"type": "profile.created", "timestamp": "2026-01-01T00:00:00Z", "data": {"n": 1}}
    body = json.dumps(content if payload is None else payload).encode()
    return Sent(body, sign(body, secret, webhook_id, timestamp))


def mutations(rng: random.Random, secret: Secret) -> Callable[[Sent], Sent]:
    """A function that changes a delivery, in a way drawn at random; never to an equal one."""

    def text(value: str) -> str:
        """One change of a header's characters."""
        at = rng.randrange(len(value) + 1)
        anything = chr(rng.choice([rng.randrange(32, 127), rng.randrange(0x110000 - 0x800)]))
        kind = rng.randrange(7)
        if kind == 0:
            return value[:at] + value[at + 1 :]
        if kind == 1:
            return value[:at] + anything + value[at:]
        if kind == 2:
            return value[:at] + anything + value[at + 1 :]
        if kind == 3:
            return value[:at]
        if kind == 4:
            return value.swapcase()
        if kind == 5:
            return value * rng.randrange(2, 300)
        return "".join(rng.choices(string.printable, k=rng.randrange(80)))

    def header(sent: Sent) -> Sent:
        name = rng.choice(sorted(sent.headers))
        return sent.with_header(name, text(sent.headers[name]))

    def header_lost(sent: Sent) -> Sent:
        lost = rng.choice(sorted(sent.headers))
        return replace(sent, headers={k: v for k, v in sent.headers.items() if k != lost})

    def body(sent: Sent) -> Sent:
        at, byte = rng.randrange(len(sent.body)), rng.randrange(1, 256)
        changed = bytearray(sent.body)
        kind = rng.randrange(4)
        if kind == 0:
            changed[at] ^= byte
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            changed.insert(at, byte)
        else:
            changed = bytearray(json.dumps(json.loads(sent.body), indent=1).encode())
        return replace(sent, body=bytes(changed))

    def boundary(sent: Sent) -> Sent:
        """The same bytes are signed, but parted elsewhere."""
        whole = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}."
        whole += sent.body.decode()
        dots = [i for i, letter in enumerate(whole) if letter == "."]
        first, second = sorted(rng.sample(dots, 2)) if len(dots) > 2 else (dots[0], len(whole) - 1)
        moved = sent.with_header("webhook-id", whole[:first])
        moved = moved.with_header("webhook-timestamp", whole[first + 1 : second])
        return replace(moved, body=whole[second + 1 :].encode())

    def forged(sent: Sent) -> Sent:
        """Signed, but by somebody else, or as another version, or unpadded."""
        own = sign(sent.body, new_secret(), sent.headers["webhook-id"], NOW)["webhook-signature"]
        good = sent.headers["webhook-signature"]
        raw = base64.b64decode(good[3:])
        return sent.with_header(
            "webhook-signature",
            rng.choice(
                [
                    own,
                    good.replace("v1,", "v1a,"),
                    good.replace("v1,", "v2,"),
                    good.replace("v1,", ""),
                    good.replace("v1,", "v1="),
                    good.replace("v1,", "v1, "),
                    good.rstrip("="),
                    good + "=",
                    good.replace(" ", ","),
                    "v1," + raw.hex(),
                    "v1," + base64.b64encode(raw[:16]).decode(),
                    "v1,",
                    ",",
                    " ".join([own] * rng.randrange(2, 40)),
                ]
            ),
        )

    def time(sent: Sent) -> Sent:
        """Another time, with or without a signature for it."""
        far = rng.choice([-1, 1]) * rng.randrange(301, 10**9)
        if rng.random() < 0.5:
            return delivery(secret, webhook_id=sent.headers["webhook-id"], timestamp=NOW + far)
        other = str(NOW + rng.choice([rng.randrange(1, 300), -rng.randrange(1, 300), far]))
        return sent.with_header(
            "webhook-timestamp", rng.choice([other, f"{NOW}.0", f"+{NOW}", f" {NOW}", "1e9", "NaN"])
        )

    kinds = [header, header_lost, body, boundary, forged, time]

    def mutate(sent: Sent) -> Sent:
        while True:
            changed = rng.choice(kinds)(sent)
            if changed != sent:
                return changed

    return mutate
