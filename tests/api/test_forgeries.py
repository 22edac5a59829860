"""Credentials that were tampered with, confused, borrowed, outlived or blown up: none opens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from resonance_sandbox import Sandbox, start
from resonance_sandbox.auth import keys

from .conftest import API, UNLIMITED
from .oauth_flow import Browser, service_token

VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
B64 = string.ascii_letters + string.digits + "-_"


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=="))


class Forger:
    """Makes bad credentials of good ones; the same for the same seed."""

    def __init__(self, server: Sandbox, foreign: Sandbox, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.token = service_token(server).json()["access_token"]
        self.foreign = service_token(foreign).json()["access_token"]
        self.key = str(server.credentials["acme_corp"]["api_key"])
        self.foreign_keys = [str(held["api_key"]) for held in foreign.credentials.values()]
        browser = Browser(server)
        tokens = browser.tokens()
        held = server.credentials["acme_corp"]
        self.borrowed = [
            held["client_secret"],
            held["password"],
            held["client_id"],
            tokens["refresh_token"],
            browser.consented()["code"],
        ]
        url = f"{server.url}/.well-known/jwks.json"
        self.jwk = requests.get(url, timeout=30).json()["keys"][0]
        self.public = RSAKey.import_key(self.jwk)
        self.own = RSAKey.generate_key(2048, private=True)
        self.kinds: list[Callable[[], str]] = [
            self.spoilt_token,
            self.spoilt_token,
            self.spoilt_key,
            self.spoilt_key,
            self.cut,
            self.swapped,
            self.rewritten,
            self.unsigned,
            self.mac,
            self.self_signed,
            self.injected,
            self.retyped,
            self.stitched,
            self.wrong_secret,
            self.other_id,
            self.elsewhere,
            self.taken_for_a_token,
            self.oversized,
            self.junk,
        ]

    def make(self, number: int) -> str:
        """The `number`-th forgery; the kinds take turns."""
        while True:
            forged = self.kinds[number % len(self.kinds)]()
            if forged not in (self.token, self.key) and forged.strip():
                return forged

    def replaced(self, text: str, alphabet: str) -> str:
        place = self.random.randrange(len(text))
        return text[:place] + self.random.choice(alphabet) + text[place + 1 :]

    def spoilt_token(self) -> str:
        return self.replaced(self.token, self.random.choice((B64, VISIBLE)))

    def spoilt_key(self) -> str:
        return self.replaced(self.key, self.random.choice((B64, VISIBLE)))

    def cut(self) -> str:
        good = self.random.choice((self.token, self.key))
        start = self.random.randrange(len(good))
        end = self.random.randrange(start, len(good) + 1)
        return good[start:end] or "."

    def swapped(self) -> str:
        good = self.random.choice((self.token, self.key))
        place = self.random.randrange(len(good) - 1)
        return good[:place] + good[place + 1] + good[place] + good[place + 2 :]

    def parts(self) -> tuple[dict[str, Any], dict[str, Any], str]:
        head, body, signature = self.token.split(".")
        return unb64(head), unb64(body), signature

    def changed(self, claims: dict[str, Any]) -> dict[str, Any]:
        change: dict[str, Any] = self.random.choice(
            (
                {"tenant": "globex"},
                {"scope": "admin"},
                {"exp": 1 << 39},
                {"sub": "admin", "client_id": "admin"},
                {"iss": self.server.url + "x"},
                {},
            )
        )
        return {**claims, **change, "jti": b64(self.random.randbytes(16))}

    def rewritten(self) -> str:
        head, claims, signature = self.parts()
        return f"{b64(head)}.{b64(self.changed(claims))}.{signature}"

    def unsigned(self) -> str:
        head, claims, signature = self.parts()
        head["alg"] = self.random.choice(("none", "None", "NONE", "nOnE", "", None))
        return f"{b64(head)}.{b64(self.changed(claims))}.{self.random.choice(('', signature))}"

    def mac(self) -> str:
        """The public key taken for a secret, in every form that it has."""
        head, claims, _ = self.parts()
        head["alg"] = self.random.choice(("HS256", "HS384", "HS512", "RS256"))
        secret = self.random.choice(
            (
                self.public.as_pem(private=False),
                self.public.as_pem(private=False).strip(),
                self.public.as_der(private=False),
                json.dumps(self.jwk).encode(),
                self.jwk["n"].encode(),
                b"",
            )
        )
        name = {"HS384": "sha384", "HS512": "sha512"}.get(head["alg"], "sha256")
        body = f"{b64(head)}.{b64(self.changed(claims))}"
        return f"{body}.{b64(hmac.new(secret, body.encode(), name).digest())}"

    def self_signed(self) -> str:
        head, claims, _ = self.parts()
        if self.random.random() < 0.5:
            head["kid"] = self.random.choice((self.own.thumbprint(), "", "0", "../../dev/null"))
        algorithm = self.random.choice(("RS256", "RS256", "PS256", "RS512"))
        return jwt.encode({**head, "alg": algorithm}, self.changed(claims), self.own, [algorithm])

    def injected(self) -> str:
        """A header that brings its own key along."""
        head, claims, _ = self.parts()
        own = self.own.as_dict(private=False)
        head |= self.random.choice(
            (
                {"jwk": own},
                {"jku": "http://127.0.0.1:9/keys.json"},
                {"x5u": "http://127.0.0.1:9/chain.pem"},
                {"x5c": [b64(self.random.randbytes(64))]},
                {"crit": ["exp"], "exp": 1},
            )
        )
        body = f"{b64(head)}.{b64(self.changed(claims))}"
        return f"{body}.{b64(self.random.randbytes(256))}"

    def retyped(self) -> str:
        head, claims, signature = self.parts()
        head["typ"] = self.random.choice(("JWT", "logout+jwt", "dpop+jwt", None, 1, ""))
        return f"{b64(head)}.{b64(claims)}.{signature}"

    def stitched(self) -> str:
        """Parts of two tokens that are good, each in its own place."""
        ours, theirs = self.token.split("."), self.foreign.split(".")
        mask = self.random.randrange(1, 8)
        return ".".join(theirs[n] if mask >> n & 1 else ours[n] for n in range(3))

    def wrong_secret(self) -> str:
        """A key whose form and checksum are right."""
        return keys.mint(self.key.split("_")[2])

    def other_id(self) -> str:
        """Our secret under another's id."""
        ours, theirs = (
            self.key.split("_"),
            self.random.choice(
                [str(held["api_key"]) for held in self.server.credentials.values()]
            ).split("_"),
        )
        head = "_".join([*ours[:2], theirs[2], ours[3][:43]])
        if theirs[2] == ours[2]:
            head = head[:-1] + self.random.choice(string.digits)
        return head + keys._checksum(head.encode())

    def elsewhere(self) -> str:
        return self.random.choice([self.foreign, *self.foreign_keys])

    def taken_for_a_token(self) -> str:
        """A secret of another kind."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()
        return self.random.choice([*self.borrowed, digest])

    def oversized(self) -> str:
        size = self.random.randrange(4_000, 30_000)
        return self.random.choice(
            (
                self.token + "A" * size,
                self.key + "A" * size,
                "." * size,
                "ros_" * (size // 4),
                b64(b"[" * size) + ".e30." + "A" * 342,
                f"{b64({'alg': 'RS256', 'typ': 'at+jwt', 'kid': 'k' * size})}.e30.AAAA",
            )
        )

    def junk(self) -> str:
        size = self.random.randrange(1, 200)
        return "".join(self.random.choice(VISIBLE) for _ in range(size))


@pytest.fixture(scope="module")
def foreign() -> Iterator[Sandbox]:
    """Another sandbox, whose clients and keys have the same ids."""
    with start() as server:
        yield server


def attack(server: Sandbox, foreign: Sandbox, count: int, seed: int) -> Counter[int]:
    """Send `count` forgeries and count the statuses."""
    forger = Forger(server, foreign, seed)
    session = requests.Session()
    session.trust_env = False
    statuses: Counter[int] = Counter()
    for number in range(count):
        forged = forger.make(number)
        header = "Authorization" if number % 3 else "X-API-Key"
        value = f"Bearer {forged}" if number % 3 else forged
        answer = session.get(f"{server.url}/tenants", headers={header: value}, timeout=30)
        assert answer.status_code in (401, 400, 431), (number, seed, answer.status_code, forged)
        assert forged not in answer.text or len(forged) < 4
        statuses[answer.status_code] += 1
    for good in (forger.token, forger.key):
        headers = {"Authorization": f"Bearer {good}"}
        assert session.get(f"{server.url}/tenants", headers=headers).status_code == 200
    return statuses


def test_no_forgery_opens(server: Sandbox, foreign: Sandbox) -> None:
    statuses = attack(server, foreign, 600, 1)
    assert statuses[401] > 550
    assert "Traceback" not in server.log()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_none_of_many_forgeries_opens(server: Sandbox, foreign: Sandbox, seed: int) -> None:
    statuses = attack(server, foreign, 5_000, seed)
    print(f"seed {seed}: {dict(statuses)}")
    assert "Traceback" not in server.log()


def test_what_has_ended_stays_shut(foreign: Sandbox) -> None:
    with start(rate_limit=UNLIMITED, burst=UNLIMITED) as server:
        admin = API(server, "admin")
        body = {"tenant": "acme_corp", "scopes": ["profiles:read"], "expires_in": 900}
        short = admin("POST", "/api_keys", body).json()["key"]
        ended = admin("POST", "/api_keys", body | {"expires_in": 86_400}).json()
        admin("DELETE", f"/api_keys/{ended['id']}")
        token = service_token(server).json()["access_token"]
        user = Browser(server).tokens()["access_token"]
        server.clock.advance(seconds=901)
        for gone in (short, ended["key"], token, user):
            answer = API(server)("GET", "/tenants", Authorization=f"Bearer {gone}")
            assert answer.status_code == 401
