"""``resonance conform``: does a server keep the contract that the lessons teach?"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..lesson.manifest import CAPSTONE, LESSONS
from .verdict_files import add_files, missing_folder, write_files

if TYPE_CHECKING:
    from resonance_judge.conform import Prober, Row

__all__ = ["NEEDS", "add_parser"]

KEPT, BROKEN, NOT_CHECKED = 0, 1, 2

ALWAYS = "request-ids problems"
"""What every lesson needs."""

NEEDS: dict[str, frozenset[str]] = {
    topic: frozenset(f"{ALWAYS} {names}".split())
    for topic, names in {
        "health": "health",
        "generation": "generation feedback lengths same-request-same-article unknown-fields "
        "shared-profiles measuring idempotency-replay",
        "profiles": "shared-profiles profiles lost-updates etag cursors tenants-look-absent "
        "validation names tenants foreign-tenants",
        "batch": "generation idempotency-replay idempotency-effect idempotency-at-once "
        "rate-limit-headers",
        "errors": "validation unknown-profile not-json problem-types methods no-numbers "
        "idempotency-replay idempotency-effect idempotency-reuse",
        "performance": "generation server-timing metrics",
        "auth": "bad-credentials oauth-metadata jwks client-credentials bad-clients "
        "tampered-tokens revocation pkce rate-limit-headers rate-limit-reset limits-refuse "
        "tenants-look-absent scopes api-keys",
        "webhooks": "webhook-signatures webhook-retries webhook-events webhook-secrets "
        "webhook-addresses webhook-rotation webhook-deliveries webhook-redelivery",
        "capstone": "profiles generation idempotency-effect webhook-signatures webhook-retries "
        "webhook-events rate-limit-headers",
    }.items()
}
"""The clauses that each lesson stands on, by its topic."""

NOTE = """\
Without --write only GET and HEAD are sent. --write makes profiles and webhooks of its own, and
deletes them again. Whom to call as is read from the environment: RESONANCE_API_KEY;
RESONANCE_CLIENT_ID and RESONANCE_CLIENT_SECRET; RESONANCE_APP_CLIENT_ID and
RESONANCE_REDIRECT_URI; RESONANCE_ADMIN_API_KEY. Exit code: 0 no clause is broken, 1 one is, 2 it
could not be checked."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the grammar."""
    parser = commands.add_parser(
        "conform",
        help="check a server against the contract, clause by clause",
        description="Check a server against the contract, clause by clause.",
        epilog=NOTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    parser.add_argument("url", metavar="URL", help="the server's base URL")
    parser.add_argument("--write", action="store_true", help="check what changes something, too")
    parser.add_argument(
        "--limits", action="store_true", help="call until it refuses: at most 400 requests at once"
    )
    parser.add_argument(
        "--lessons", action="store_true", help="say which lessons would print something else"
    )
    parser.add_argument(
        "--rate", type=_rate, default=20.0, metavar="N", help="requests a second (default: 20)"
    )
    parser.add_argument(
        "--tenant", default="default", help="whose profiles to try with (default: default)"
    )
    parser.add_argument(
        "--private", default="globex", metavar="TENANT", help="one that this caller may not use"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check every clause and print a row for each."""
    try:
        from resonance_judge.conform import Prober, conform, obstacle
    except ModuleNotFoundError as error:
        return _refuse(
            f"this needs {error.name}, which is not installed: "
            "pip install 'resonance-helpers[judge]'"
        )
    if fault := missing_folder(options.json, options.junit):
        return _refuse(fault)
    if options.private == options.tenant:
        return _refuse("--private is to name a tenant that this caller may not use. Fix: another")
    if not _is_base_url(options.url):
        return _refuse(f"{options.url} is no base URL. Fix: give one as in http://localhost:8000")
    allows = {"read"} | ({"write"} if options.write else set())
    allows |= {"limits"} if options.limits else set()
    call = Prober(
        options.url,
        key=os.environ.get("RESONANCE_API_KEY"),
        client=_pair("RESONANCE_CLIENT_ID", "RESONANCE_CLIENT_SECRET"),
        app=_pair("RESONANCE_APP_CLIENT_ID", "RESONANCE_REDIRECT_URI"),
        admin=os.environ.get("RESONANCE_ADMIN_API_KEY"),
        tenant=options.tenant,
        private=options.private,
        allows=frozenset(allows),  # type: ignore[arg-type]
        rate=options.rate,
    )
    if why := obstacle(call):
        write_files(options, {"not_checked": why, "clauses": []}, lambda: _junit([], why))
        return _refuse(f"not checked: {why}")
    rows = conform(call, told=_show)
    words = [row.verdict for row in rows]
    print(
        f"\n{words.count('kept')} kept, {words.count('broken')} broken, "
        f"{words.count('not shown')} not shown; {call.sent} requests. * a lesson needs it."
    )
    if options.lessons:
        _show_lessons(rows)
    write_files(options, _as_dict(rows, call), lambda: _junit(rows))
    return BROKEN if "broken" in words else KEPT if "kept" in words else NOT_CHECKED


def _show(row: Row) -> None:
    mark = "*" if row.clause.name in frozenset().union(*NEEDS.values()) else " "
    print(f"{row.verdict:>9} {mark} {row.clause.name}: {row.clause.says}")
    if row.verdict == "broken":
        print(f"            {row.shown_by}")
    elif row.verdict == "not shown":
        print(f"            Not shown: {row.shown_by}")
    sys.stdout.flush()


def _show_lessons(rows: list[Row]) -> None:
    print()
    for lesson in (*LESSONS, CAPSTONE):
        if drift := _among(lesson.topic, rows, "broken"):
            print(f"{lesson.title}: would print something else ({', '.join(drift)})")
        elif unseen := _among(lesson.topic, rows, "not shown"):
            print(f"{lesson.title}: nothing is broken, but not shown: {', '.join(unseen)}")
        else:
            print(f"{lesson.title}: holds")


def _among(topic: str, rows: list[Row], word: str) -> list[str]:
    """The clauses with that verdict that a lesson needs."""
    return sorted(NEEDS[topic] & {row.clause.name for row in rows if row.verdict == word})


def _as_dict(rows: list[Row], call: Prober) -> dict[str, Any]:
    return {
        "url": call.url,
        "requests": call.sent,
        "clauses": [
            {
                "name": row.clause.name,
                "says": row.clause.says,
                "verdict": row.verdict,
                "shown_by": row.shown_by,
            }
            for row in rows
        ],
        "lessons": {
            topic: {word: _among(topic, rows, word) for word in ("broken", "not shown")}
            for topic in NEEDS
        },
    }


def _junit(rows: list[Row], error: str = "") -> bytes:
    from resonance_judge.junit import junit

    cases = [(r.clause.name, r.verdict, r.shown_by, r.clause.says) for r in rows]
    return junit("resonance conform", "clauses", cases, error=error)


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return False
    return bool(whole) and not (parts.query or parts.fragment)


def _pair(first: str, second: str) -> tuple[str, str] | None:
    one, other = os.environ.get(first), os.environ.get(second)
    return (one, other) if one and other else None


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no rate: give a number of requests a second, up to 1000"
        )
    return rate


def _refuse(message: str) -> int:
    print(f"resonance: {message}", file=sys.stderr)
    return NOT_CHECKED
