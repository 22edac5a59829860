"""What a learner does with credentials: tampers with a token, and looks for secrets that leaked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from ..client.auth import JWTAuth, Secret, read_jwt
from ..client.auth.tokens import Token
from . import plots
from .plots import Picture

__all__ = [
    "Forgery",
    "encoded",
    "find_secrets",
    "forgeries",
    "forgery_map",
    "log_in_map",
    "requests_left",
    "tokens_issued",
    "try_forgeries",
]

PARTS = ("header", "claims", "signature")

SECRETS = {
    "API key": r"ros_[a-z]+_[0-9A-Za-z]+_[\w-]{16,}",
    "JWT": r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
    "signing secret": r"whsec_[\w+/=-]{8,}",
    "Bearer header": r"(?i:bearer) (?!ros_|eyJ)[\w.~+/-]{16,}",
    "password in a URL": r"\w+://[^/\s:@]+:[^/\s:@]+@",
}
"""What gives a secret away: most kinds begin with something that nothing else does."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A token that somebody has changed, and what the server said to it.

    Attributes:
        name: What was done.
        changed: Those of header, claims and signature that are not as issued.
        token: The result.
        status: The HTTP status it got, 0 before it was sent.
        detail: The server's sentence, empty where it took the token.
    """

    name: str
    changed: tuple[str, ...]
    token: Secret
    status: int = 0
    detail: str = ""


def forgeries(token: str | Secret, tenant: str = "globex") -> list[Forgery]:
    """A token as it was issued, and what an attacker might make of it.

    Args:
        token: As it was issued.
        tenant: Whose data the attacker wants.
    """
    text = Secret(token).reveal()
    header, claims = read_jwt(text)
    first, second, signature = text.split(".")
    tenant_changed = encoded(claims | {"tenant": tenant})
    none = encoded(header | {"alg": "none"})
    own = encoded(header | {"alg": "HS256"})
    signed = hmac.new(b"a key of our own", f"{own}.{tenant_changed}".encode(), hashlib.sha256)
    made = {
        "as issued": (first, second, signature),
        "another tenant": (first, tenant_changed, signature),
        "a year more": (first, encoded(claims | {"exp": claims["exp"] + 31_536_000}), signature),
        "one letter changed": (
            first,
            second,
            ("B" if signature[0] == "A" else "A") + signature[1:],
        ),
        "signature left out": (first, second, ""),
        "algorithm: none": (none, tenant_changed, ""),
        "signed by us": (own, tenant_changed, _base64(signed.digest())),
    }
    issued = made["as issued"]
    return [
        Forgery(
            name,
            tuple(part for part, a, b in zip(PARTS, parts, issued, strict=True) if a != b),
            Secret(".".join(parts)),
        )
        for name, parts in made.items()
    ]


def try_forgeries(url: str, token: str | Secret, tenant: str = "globex") -> list[Forgery]:
    """Send each of the `forgeries` to `url` and note what the server says."""
    tried = []
    for forgery in forgeries(token, tenant):
        response = requests.get(url, auth=JWTAuth(forgery.token), timeout=5)
        detail = "" if response.ok else str(response.json().get("detail", ""))
        tried.append(
            Forgery(forgery.name, forgery.changed, forgery.token, response.status_code, detail)
        )
    return tried


@plots.style()
def forgery_map(tried: Sequence[Forgery]) -> Picture:
    """What was changed in each token, part by part, and whether the server took it."""
    wide = max((len(one.name) for one in tried), default=0)
    lines = [
        f"{one.name:<{wide}}  "
        + " . ".join(f"{'[' + part + ']' if part in one.changed else part:<11}" for part in PARTS)
        + f"  {_verdict(one)}"
        for one in tried
    ]
    figure, axes = plots.canvas(8.5, 0.8 + 0.42 * len(tried), ())
    starts, lengths = (0.0, 1.1, 3.4), (1.05, 2.25, 1.6)
    for row, one in enumerate(tried):
        for part, start, length in zip(PARTS, starts, lengths, strict=True):
            changed = part in one.changed
            axes.barh(
                row,
                length,
                left=start,
                height=0.66,
                color=plots.PAPER if changed else plots.TARGET,
                edgecolor=plots.MEASURED if changed else plots.TARGET,
                hatch="////" if changed else None,
            )
            axes.text(
                start + length / 2,
                row,
                f"{part} changed" if changed else part,
                ha="center",
                va="center",
                fontsize=8,
                color=plots.INK if changed else "white",
                bbox=plots.RIM if changed else None,
            )
        axes.text(5.15, row, _verdict(one), va="center")
    axes.set_yticks(range(len(tried)), [one.name for one in tried])
    axes.set_xlim(0, 6.4)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.tick_params(length=0)
    taken = sum(one.status == 200 for one in tried)
    alt = f"{len(tried)} tokens, changed in header, claims or signature: the server took {taken}."
    return Picture(figure, "\n".join(lines), alt)


LANES = ("your program", "the browser", "the server")


@plots.style()
def log_in_map(token: Token, asked: str = "") -> Picture:
    """Who told whom what until there was this token, in the order in which it happened.

    Args:
        token: What the log-in brought.
        asked: The scope that the program asked for; by default that of the token.
    """
    granted = f"access token: {token.scope or asked or 'no scope named'}"
    brought = granted + (", and a refresh token" if token.refresh else "")
    steps = [
        (0, 1, f"scope {asked or token.scope}, code_challenge"),
        (1, 2, "the person's name and password; Allow"),
        (2, 1, "code, state"),
        (1, 0, "code, state"),
        (0, 2, "code, code_verifier"),
        (2, 0, brought),
    ]
    figure, axes = plots.canvas(8.5, 3.4)
    for lane, name in enumerate(LANES):
        axes.plot([lane, lane], [0.4, len(steps) + 0.5], color=plots.FAINT, linewidth=1)
        axes.text(lane, 0.2, name, ha="center", va="bottom", fontweight="bold")
    for row, (start, end, words) in enumerate(steps, start=1):
        secret = "password" in words
        axes.annotate(
            "",
            (end, row),
            (start, row),
            arrowprops={
                "arrowstyle": "-|>",
                "color": plots.MEASURED if secret else plots.TARGET,
                "linestyle": "--" if secret else "-",
                "linewidth": 1.8,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        at = (start + end) / 2
        axes.text(
            at, row - 0.14, f"{row}. {words}", ha="center", va="bottom", fontsize=8, bbox=plots.RIM
        )
    axes.set_xlim(-0.35, 2.35)
    axes.set_ylim(len(steps) + 0.6, -0.4)
    axes.set_axis_off()
    lines = [
        f"{row}. {LANES[start]:<12} -> {LANES[end]:<12}  {words}"
        for row, (start, end, words) in enumerate(steps, start=1)
    ]
    told = "; ".join(f"{LANES[start]} to {LANES[end]}: {words}" for start, end, words in steps)
    return Picture(figure, "\n".join(lines), f"A log-in in {len(steps)} steps. {told}.")


@plots.style()
def requests_left(answers: Sequence[Mapping[str, Any]]) -> Picture:
    """How many requests were left after each answer, by what it says itself.

    The text beside it leaves the numbers out, since they depend on how fast the answers came.

    Args:
        answers: What the client gave, refusals among them, in time's order.
    """
    known = [
        (place, limit, answer.get("response_code") == 429)
        for place, answer in enumerate(answers, start=1)
        if (limit := getattr(answer, "rate_limit", None)) is not None
    ]
    quota = max((limit.limit or limit.remaining for _, limit, _ in known), default=1)
    refused = sum(answer.get("response_code") == 429 for answer in answers)
    figure, axes = plots.canvas(7.5, 2.6)
    for is_refused, mark, colour, label in (
        (False, "o", plots.TARGET, "answered"),
        (True, "X", plots.MEASURED, "refused with 429"),
    ):
        these = [(place, limit.remaining) for place, limit, no in known if no is is_refused]
        if these:
            axes.plot(*zip(*these, strict=True), mark, color=colour, label=label)
    axes.set_ylim(-0.06 * quota, 1.06 * quota)
    axes.set(xlabel="request", ylabel=f"left, of {quota}")
    axes.locator_params(integer=True)
    if known:
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    text = f"{len(answers)} requests, {refused} refused with 429: how many were left after each"
    return Picture(figure, text, f"{text}, of {quota} at most.")


def tokens_issued(api: Any) -> int:
    """How often the sandbox's token endpoint was asked, as far as its log reaches back."""
    return sum(entry["path"] == "/oauth/token" for entry in api.sandbox.requests())


def find_secrets(where: str | Path | Any) -> list[str]:
    """Where secrets stand in a notebook, a file or a text: which kind, and in which place.

    The secrets themselves are not repeated. It finds what has a form of its own, such as API keys
    and JWTs, and not a password that looks like any word.

    Args:
        where: The path of a file (in a notebook, cells and outputs are looked through one by
            one), or any other text.
    """
    text = where.read_text(encoding="utf-8") if isinstance(where, Path) else str(where)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "cells" not in document:
        return [f"line {line}: {kind}" for line, kind in _hits(text)]
    found = []
    for number, cell in enumerate(document["cells"], start=1):
        parts = [("source", cell.get("source", ""))]
        parts += [("output", output) for output in cell.get("outputs", ())]
        for part, content in parts:
            joined = "".join(content) if isinstance(content, list) else json.dumps(content)
            kinds = dict.fromkeys(kind for _, kind in _hits(joined))
            found += [f"cell {number}, {part}: {kind}" for kind in kinds]
    return found


def _hits(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for kind, pattern in SECRETS.items():
            if re.search(pattern, line, re.ASCII):
                yield number, kind


def _verdict(forgery: Forgery) -> str:
    taken = "accepted" if 200 <= forgery.status < 300 else "refused"
    return f"{forgery.status} {taken}" if forgery.status else "not sent"


def encoded(content: dict[str, Any]) -> str:
    """One part of a JWT."""
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
