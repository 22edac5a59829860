"""Faults that are planted in the good program, each with the promises that it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTS", "GOOD", "Planted"]

GOOD = (Path(__file__).parent / "good_program.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Planted:
    """A fault: what of the good program is replaced, and what it breaks.

    Attributes:
        shows: scenarios that show it, for a quick look.
    """

    name: str
    replaced: tuple[tuple[str, str], ...]
    breaks: frozenset[str]
    shows: tuple[str, ...]

    @property
    def source(self) -> str:
        text = GOOD
        for old, new in self.replaced:
            assert text.count(old) == 1, (self.name, old)
            text = text.replace(old, new)
        return text


def _(name: str, breaks: str, shows: str, *replaced: tuple[str, str]) -> Planted:
    return Planted(name, replaced, frozenset(breaks.split()), tuple(shows.split()))


READ = """def read(response):
    try:
        return response.json()
    except ValueError:
        return {"type": ""}


"""

FAULTS = (
    _(
        "no key",
        "sends-a-key-with-every-post does-nothing-twice",
        "lost-after",
        ('sent["Idempotency-Key"] = key', "pass"),
    ),
    _(
        "a key made anew for each attempt",
        "keeps-the-key-for-a-retry does-nothing-twice",
        "lost-after",
        ('sent["Idempotency-Key"] = key', 'sent["Idempotency-Key"] = secrets.token_hex(8)'),
    ),
    _(
        "a key made anew at each start",
        "keeps-the-key-for-a-retry does-nothing-twice",
        "killed-between",
        ("hashlib.sha256(repr(parts).encode())", "hashlib.sha256(repr((START, *parts)).encode())"),
        ('STYLES = ("harbour", "library")', 'STYLES = ("harbour", "library")\nSTART = time.time()'),
    ),
    _(
        "one key for two requests",
        "uses-a-key-for-one-request",
        "calm",
        ("key_of(path, body)", "key_of(body.get('profile_name', body))"),
        (' "exists" in answer.get("type", "")', " response.status_code in (409, 422)"),
    ),
    _(
        "comes back early",
        "waits-as-asked",
        "asked-to-wait",
        ("max(wait, pause", "max(min(wait, 1), pause"),
    ),
    _(
        "reads the server's date by its own clock",
        "waits-as-asked",
        "clock-behind",
        (
            'email.utils.parsedate_to_datetime(response.headers["Date"])',
            "email.utils.localtime()",
        ),
    ),
    _(
        "prints its secret",
        "keeps-its-credentials",
        "calm",
        ('print("all is written")', 'print("all is written", CLIENT)'),
    ),
    _(
        "takes its credential along to another host",
        "keeps-its-credentials",
        "redirected",
        ("allow_redirects=False", "allow_redirects=True"),
        ('{"Authorization": f"Bearer {bearer()}"}', '{"X-API-Key": API_KEY}'),
        ('STYLES = ("harbour"', 'API_KEY = os.environ["RESONANCE_API_KEY"]\nSTYLES = ("harbour"'),
    ),
    _(
        "acknowledges before the work",
        "misses-no-event",
        "killed-after-2xx",
        (
            "            self.work(event)\n            return self.answer(200)",
            "            self.answer(200)\n            self.work(event)",
        ),
    ),
    _(
        "a token for each request",
        "reuses-its-token",
        "calm",
        ("if token is None or token == refused:", "if True:"),
    ),
    _(
        "believes an event without a signature",
        "refuses-forgeries",
        "forged",
        (
            '    given = headers.get("webhook-signature", "").split()',
            '    given = headers.get("webhook-signature", "").split() or [expected]',
        ),
    ),
    _(
        "verifies what an event says and not its bytes",
        "refuses-forgeries",
        "forged",
        (
            "if not verified(self.headers, body)",
            "said = json.dumps(json.loads(body), ensure_ascii=False, separators=(',', ':'))\n"
            "        if not verified(self.headers, said.encode())",
        ),
    ),
    _(
        "sends its key in the address",
        "keeps-its-credentials",
        "calm",
        (
            "return attempts(method, path, arguments)",
            "return attempts(method, f\"{path}?key={os.environ['RESONANCE_API_KEY']}\", arguments)",
        ),
    ),
    _(
        "believes an event from long ago",
        "refuses-old-events",
        "old",
        ("abs(time.time() - int(stamp)) > 300", "False"),
    ),
    _(
        "refuses an event that it knows",
        "takes-duplicates",
        "doubled",
        (
            "                return self.answer(200)\n            self",
            "                return self.answer(409)\n            self",
        ),
    ),
    _(
        "looks at the first signature alone",
        "accepts-a-rotated-secret",
        "rotated",
        ("for one in given)", "for one in given[:1])"),
    ),
    _(
        "floods a server that is down",
        "spares-a-server-that-is-down",
        "outage",
        ("pause = min(pause * 2, 5)", "pause = 0.1"),
    ),
    _(
        "waits for ever",
        "ends",
        "stalling",
        ("timeout=4, allow", "timeout=None, allow"),
        ("thread.join(5)", "thread.join()"),
    ),
    _(
        "takes any answer for an answer",
        "survives-broken-answers ends",  # a redirect taken for one: it asks for ever for the rest
        "web-page",
        (
            "result.append((response, json.loads(response.content)))",
            "result.append((response, {'access_token': bearer, **read(response)}))",
        ),
        (
            "def attempt(",
            f"{READ}def attempt(",
        ),
    ),
    _(
        "keeps a token that has ended",
        "survives-ended-token survives-restart",
        "token-ended",
        ("if token is None or token == refused:", "if token is None:"),
    ),
)
