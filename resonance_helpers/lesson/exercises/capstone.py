"""The capstone: an integration is run into trouble, and judged by what the server saw of it."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import requests

from ...client.api import ResonanceOSAPIClient
from ...client.auth import ApiKeyAuth
from ...client.errors import UnknownProfileError
from ...webhooks import new_secret, sign
from ..program import CannotTravelError, Program
from .core import NotYet, exercise

__all__ = ["newsroom"]

TENANT, PROFILE, EVENT = "acme_corp", "newsroom", "generation.completed"

PROMPTS = tuple(
    f"The {what} of the {where}"
    for what in ("history", "business", "future")
    for where in ("harbour", "night train", "city library", "corner bakery")
)
"""What the newsroom has to write about."""

TROUBLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reset_after_commit", {"count": 3}),
    ("unavailable", {"count": 3}),
    ("rate_limited", {"count": 2, "retry_after": 1}),
)
"""What the first attempts run into: answers that are lost, a server that is busy, a limit."""

PATIENCE = 30.0
"""Seconds to wait until the server has no delivery left to make."""
LONGEST = 90.0
"""Seconds that the program may take, from each start."""


class Press:
    """Prints what it is given, in any thread.

    It jams once, at the second article. With the fourth it comes to a halt, until `go_on`: then
    the program that waits for it is killed.
    """

    def __init__(self) -> None:
        self.printed: list[str] = []
        self.halted = threading.Event()
        self._jams, self._halts = 1, 1
        self.starts = 0
        self._lock = threading.Lock()

    def publish(self, article: str, start: int = 0) -> None:
        """Print an article, for the program of that start.

        Raises:
            RuntimeError: The press is jammed, or stands still; or the program is dead, and its
                last word has only now been read. The article is not printed.
        """
        with self._lock:
            if start != self.starts:
                raise RuntimeError("the press stands still")
            if self._jams and len(self.printed) == 1:
                self._jams -= 1
                raise RuntimeError("the press is jammed; try again")
            if not (self._halts and len(self.printed) == 3):
                self.printed.append(article)
                return
            self.halted.set()
        while self._halts:
            time.sleep(0.01)
        raise RuntimeError("the press stands still")

    def go_on(self) -> None:
        """Print again, for the next start; whoever waited is not printed."""
        with self._lock:
            self._halts = 0
            self.starts += 1


@exercise(
    "Start with what must be there before the first article: the client, the profile, a receiver, "
    "a webhook. All secrets are in the environment: ResonanceOSAPIClient.from_env(), and "
    "Secret.from_env('RESONANCE_WEBHOOK_SECRET').",
    "A WebhookReceiver verifies and answers by itself, calls its handler once for each event, and "
    "has an event come again if the handler raises. api.ensure_webhook() finds it again.",
    "What outlives a kill stands in files of the folder: WebhookReceiver(seen=SeenEvents(...)) and "
    "run_batch(journal=...). An event that was being handled is claimed for 60 seconds; "
    "SeenEvents(file, lease=1) has it come again sooner.",
    solution="""
def answer(prompts, folder, port, publish):
    api = ResonanceOSAPIClient.from_env()
    api.create_profile("acme_corp", "newsroom", [0.7, 0.4, 0.5, 0.6, 0.7, 0.6, 0.6, 0.7])
    secret = Secret.from_env("RESONANCE_WEBHOOK_SECRET")
    seen = SeenEvents(folder / "events.db", lease=1)

    def handle(event):
        publish(event.data["article"])

    receiver = WebhookReceiver(secret, port, handler=handle, seen=seen)
    api.ensure_webhook(receiver.url, ["generation.completed"], secret=secret)
    requests = [{"prompt": prompt, "profile_name": "newsroom"} for prompt in prompts]
    report = run_batch(api, requests, journal=folder / "batch.db", until=60)
    receiver.wait_for([one["result"]["request_id"] for one in report.results], timeout=60)
    return receiver
""",
)
def newsroom(answer: Any, api: Any) -> str:
    """A program `(prompts, folder, port, publish)`: it writes and publishes, and is killed once."""
    sandbox = getattr(api, "sandbox", None)
    if sandbox is None:
        raise NotYet("This check causes trouble on purpose, so it needs the sandbox.")
    if not callable(answer):
        raise NotYet(f"answer should be a function; it is a {type(answer).__name__}.")
    sandbox.reset(TENANT)
    before = _stored(sandbox)
    press, program = Press(), None
    key = ApiKeyAuth(sandbox.credentials[TENANT]["api_key"])
    strict = ResonanceOSAPIClient(api.base_url, auth=key, on_error="raise")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = _program(answer, sandbox, Path(folder), press)
        try:
            for kind, declared in TROUBLE:
                sandbox.faults.add(
                    kind, tenant=TENANT, route="/hr_generate", attempts=1, **declared
                )
            program = started()
            if _halted(program, press):
                _settle(strict, len(press.printed))
                program.kill()
                press.go_on()
                program = started()
                program.ended.wait(LONGEST)
            _ended(program)
            sandbox.faults.clear()
            _sent(sandbox, before)
            hook = _subscribed(strict)
            _delivered(strict, hook)
            _refuses_forgeries(hook)
            _takes_duplicates(strict, hook)
            strict.delete_webhook(hook["id"])
            _published(press.printed, strict)
        finally:
            sandbox.faults.clear()
            press.go_on()
            if program is not None:
                program.stop()
    return (
        f"{len(PROMPTS)} articles through {sum(d['count'] for _, d in TROUBLE)} faults and a kill: "
        "each written once and published once, forgeries refused, duplicates taken."
    )


def _program(answer: Any, sandbox: Any, folder: Path, press: Press) -> Any:
    """What starts the program, the same each time."""
    held = sandbox.credentials[TENANT]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "RESONANCE_URL": sandbox.url,
        "RESONANCE_API_KEY": "",
        "RESONANCE_CLIENT_ID": held["client_id"],
        "RESONANCE_CLIENT_SECRET": held["client_secret"],
        "RESONANCE_WEBHOOK_SECRET": new_secret().reveal(),
    }

    def start() -> Program:
        publish = partial(press.publish, start=press.starts)
        try:
            return Program(answer, (list(PROMPTS), folder, port), environment, publish)
        except CannotTravelError as reason:
            raise NotYet(
                f"Your function can't run in a process of its own ({reason}). It may use what it "
                "is given, what it imports and the environment, but no client or secret of the "
                "notebook's."
            ) from None

    return start


def _halted(program: Program, press: Press) -> bool:
    """Whether the press came to its halt, or the program to its end before that."""
    end = time.monotonic() + LONGEST
    quiet = None
    while time.monotonic() < end:
        if press.halted.wait(0.05):
            return True
        if program.ended.is_set() or not program.running:
            # What it left listening may be published still.
            quiet = quiet or time.monotonic() + 2
            if time.monotonic() > quiet:
                return False
    return False


def _settle(api: Any, printed: int) -> None:
    """Wait until the events of what was printed have been acknowledged: that is not undone."""
    [*hooks] = api.get_webhooks(TENANT)["webhooks"]
    end = time.monotonic() + 10
    while hooks and time.monotonic() < end:
        done = api.get_deliveries(hooks[0]["id"], status="delivered")["deliveries"]
        if len(done) >= printed:
            return
        time.sleep(0.05)


def _ended(program: Program) -> None:
    """The program has come to its end, and well."""
    if program.raised:
        raise NotYet(f"Your program raised {program.raised.rstrip('.')}.")
    if not program.ended.is_set():
        how = "is still at work" if program.running else "has ended its process"
        raise NotYet(
            f"After {LONGEST:g} seconds your program {how}; it should return the receiver."
        )


def _stored(sandbox: Any) -> int:
    """How many articles the server has written, by its books."""
    return int(sandbox.call("GET", f"/metrics?tenant={TENANT}")["generations"]["stored"])


def _sent(sandbox: Any, before: int) -> None:
    """What the log and the books say about the batch."""
    log = sandbox.requests(TENANT)
    sent = [entry for entry in log if entry["path"] == "/hr_generate"]
    if not sent:
        raise NotYet("The server's log holds no request for an article.")
    created = [e for e in log if (e["method"], e["path"]) == ("POST", "/profiles")]
    if not any(entry["status"] == 201 for entry in created):
        raise NotYet(f"Nobody has created a profile in {TENANT}.")
    written = _stored(sandbox) - before
    keyless = sum(entry["idempotency_key"] is None for entry in sent)
    if written > len(PROMPTS):
        raise NotYet(
            f"The server wrote {written} articles for {len(PROMPTS)} prompts: after a lost answer, "
            "or after the kill, the same was asked for again as if it were new. "
            f"{keyless} of {len(sent)} requests carried no Idempotency-Key."
        )
    if written < len(PROMPTS):
        raise NotYet(
            f"The server wrote {written} articles for {len(PROMPTS)} prompts. Some calls failed in "
            "passing and were not tried again."
        )
    if keyless:
        raise NotYet(f"{keyless} of {len(sent)} requests carried no Idempotency-Key.")


def _subscribed(api: Any) -> Mapping[str, Any]:
    """The one webhook for articles that are done."""
    hooks = [hook for hook in api.get_webhooks(TENANT)["webhooks"] if EVENT in hook["events"]]
    if len(hooks) != 1:
        raise NotYet(f"{TENANT} has {len(hooks)} webhooks for {EVENT}; it should be one.")
    hook: Mapping[str, Any] = hooks[0]
    return hook


def _delivered(api: Any, hook: Mapping[str, Any]) -> None:
    """Wait until every event has been acknowledged."""
    deadline = time.monotonic() + PATIENCE
    while api.get_deliveries(hook["id"], status="pending")["deliveries"]:
        if time.monotonic() > deadline:
            raise NotYet("Events are still waiting: does your receiver answer them with a 2xx?")
        time.sleep(0.05)
    if dead := api.get_deliveries(hook["id"], status="dead")["deliveries"]:
        busy = any(one["attempts"] and one["attempts"][-1]["status"] == 409 for one in dead)
        raise NotYet(
            f"{len(dead)} events were never acknowledged: {dead[0]['reason']}"
            + (
                " The killed program's claim on them had not lapsed: see SeenEvents(lease=...)."
                * busy
            )
        )
    if not api.get_deliveries(hook["id"])["deliveries"]:
        raise NotYet("No event was sent. Was the webhook there before the first article?")


def _refuses_forgeries(hook: Mapping[str, Any]) -> None:
    """Send an event that nobody signed, and one that somebody else did."""
    body = b'{"type": "generation.completed", "data": {"article": "A forgery."}}'
    signed = sign(body, new_secret(), "msg_forged", int(time.time()))
    for what, headers in (("without a signature", {}), ("signed by a stranger", signed)):
        kind = {"Content-Type": "application/json"}
        try:
            answered = requests.post(hook["url"], body, headers=kind | headers, timeout=10)
        except requests.RequestException:
            raise NotYet(
                "Nobody listens at the webhook's URL any more. Return the receiver, still "
                "listening; this check stops it."
            ) from None
        if answered.ok:
            raise NotYet(f"Your receiver took an event {what} with a {answered.status_code}.")


def _takes_duplicates(api: Any, hook: Mapping[str, Any]) -> None:
    """Have every event sent again."""
    api.redeliver_since(hook["id"], "2026-01-01T00:00:00Z")
    try:
        _delivered(api, hook)
    except NotYet as reason:
        raise NotYet(f"Each event was sent a second time, which happens. {reason}") from None


def _published(printed: list[str], api: Any) -> None:
    """Compare what was published with what the server writes."""
    style = {"profile_name": PROFILE}
    try:
        written = {prompt: api.generate_content(prompt, **style)["article"] for prompt in PROMPTS}
    except UnknownProfileError:
        raise NotYet(f"{TENANT} has no profile of the name {PROFILE}.") from None
    copies = Counter(printed)
    if stray := copies.keys() - {*written.values()}:
        raise NotYet(
            f"{len(stray)} of the texts that were published are no articles in the style {PROFILE}."
        )
    if missing := sum(not copies[article] for article in written.values()):
        raise NotYet(
            f"{missing} of {len(PROMPTS)} articles were never published. The press jams at times: "
            "publish() raises, and the event should come again."
        )
    if twice := sum(count > 1 for count in copies.values()):
        raise NotYet(
            f"{twice} of {len(PROMPTS)} articles were published more than once. The same event may "
            "come twice, under the same webhook-id, also after the program was started again."
        )
