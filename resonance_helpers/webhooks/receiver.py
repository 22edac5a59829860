"""A small HTTP server that takes events: for a notebook, a test, a demo.

It answers 2xx for an event that was handled, now or earlier, and an error for everything else, so
that a sender who tries again loses nothing:

    200  handled, or a duplicate of what was
    400  not verified: the body says why
    409  being handled by another thread
    500  the handler raised, so the event may come again

Nobody can keep it busy: a connection is for one request, which has to arrive whole within a few
seconds; its size and the number of connections have bounds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..client.auth.secret import Secret
from ..client.listener import BoundedServer, OneRequest
from ..client.transport import arguments
from .seen import EventInProgress, SeenEvents
from .signature import TOLERANCE, Event, SecretLike, WebhookVerificationError, check_secrets, verify

if TYPE_CHECKING:
    import pandas

__all__ = ["Receipt", "WebhookReceiver"]

log = logging.getLogger("resonance_helpers")

PATH = "/webhook"
HEAD_CAP = 64 * 1024
BODY_CAP = 1 << 20
PATIENCE = 5.0
"""Seconds for a whole request to arrive."""
MEMORY = 100_000
"""Events, and receipts, that are kept in the lists."""
MEMORY_BYTES = 64 << 20
"""Bytes of the bodies of the events that are kept in the list."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery.

    Attributes:
        at: When, in seconds since 1970.
        outcome: ``handled``, ``duplicate``, ``busy``, ``refused`` or ``failed``.
        status: The HTTP status that it was answered.
        id: The ``webhook-id``, empty where it was not verified.
        type: The event's type, likewise.
        reason: Why it was not handled, as a word of `WebhookVerificationError` or a sentence.
    """

    at: float
    outcome: str
    status: int
    id: str = ""
    type: str = ""
    reason: str = ""


class WebhookReceiver:
    """Listens on 127.0.0.1 for events, verifies them, and handles each one once.

    >>> with WebhookReceiver(secret) as receiver:
    ...     api.create_webhook(receiver.url, ["generation.completed"], secret=secret)
    ...     api.generate_content("Night trains")
    ...     receiver.wait(1)[0].data["article"]

    It listens from the moment it is made. `stop` and `start` take it down and up again, at the
    same address; what it has handled it still knows.

    Args:
        secret: The signing secret, or several while one is being replaced; see `secrets`.
        port: 0 for any free one.
        handler: Called with each new `Event`, in the thread of its request. An exception makes
            the sender try again.
        tolerance: Seconds that a timestamp may be off, either way.
        seen: What was handled; with a file, also by an earlier receiver.
        patience: Seconds for a whole request to arrive.
        clock: Seconds since 1970, like `time.time`.

    Attributes:
        url: Where to send events.
        port: The port in it.
        handler: May be set.
        seen: As given, or a `SeenEvents` in memory.

    Raises:
        OSError: The port is taken.
        TypeError, ValueError: A secret can't be one.
    """

    def __init__(
        self,
        secret: SecretLike | Iterable[SecretLike],
        port: int = 0,
        *,
        handler: Callable[[Event], object] | None = None,
        tolerance: float = TOLERANCE,
        seen: SeenEvents | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.secrets = secret
        self.handler = None if handler is None else arguments.function("handler", handler)
        self._clock = arguments.function("clock", clock)
        if not (seen is None or isinstance(seen, SeenEvents)):
            raise TypeError(f"seen is a {arguments.kind(seen)}, not SeenEvents")
        self.seen = SeenEvents(clock=clock) if seen is None else seen
        self.patience = arguments.seconds("patience", patience)
        self._tolerance = arguments.span("tolerance", tolerance)
        self._events: deque[tuple[Event, int]] = deque()  # each with its body's bytes
        self._size = self._handled = 0
        self._receipts: deque[Receipt] = deque(maxlen=MEMORY)
        self._outages: deque[tuple[float, float | None]] = deque(maxlen=MEMORY)
        self._under_way: Counter[str] = Counter()  # their subjects
        self._changed = threading.Condition()
        self._listeners: list[Callable[[Receipt], object]] = []
        self._server: _Server | None = None
        self.port = arguments.whole("port", port, 0, 65_535)
        self.start()
        self.url = f"http://127.0.0.1:{self.port}{PATH}"

    # --- what came --------------------------------------------------------------------------

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What a delivery may be signed with.

        Set it to the new secret and the old one for as long as a rotation lasts.
        """
        return self._secrets

    @secrets.setter
    def secrets(self, secrets: SecretLike | Iterable[SecretLike]) -> None:
        self._secrets = check_secrets(secrets)

    @property
    def events(self) -> list[Event]:
        """The events that were handled, each once, in the order of their handling."""
        with self._changed:
            return [event for event, _ in self._events]

    @property
    def receipts(self) -> list[Receipt]:
        """Every delivery that came, and what became of it."""
        with self._changed:
            return list(self._receipts)

    @property
    def outages(self) -> list[tuple[float, float | None]]:
        """When it was stopped and started again, in seconds since 1970; None for not yet."""
        return list(self._outages)

    @property
    def now(self) -> float:
        """The time by its clock, in seconds since 1970."""
        return self._clock()

    @property
    def frame(self) -> pandas.DataFrame:
        """The `receipts` as a table of pandas, one row each."""
        import pandas

        columns = list(Receipt.__dataclass_fields__)
        return pandas.DataFrame([asdict(one) for one in self.receipts], columns=columns)

    def wait(self, count: int, timeout: float = 10) -> list[Event]:
        """Wait until `count` events were handled in all, and return `events`.

        Raises:
            TimeoutError: They were not, within `timeout` seconds.
        """
        arguments.whole("count", count, 0, MEMORY)
        timeout = arguments.span("timeout", timeout)
        with self._changed:
            if not self._changed.wait_for(lambda: self._handled >= count, timeout):
                stopped = "" if self.listening else ": the receiver is stopped"
                raise TimeoutError(
                    f"{self._handled} of {count} events were handled within {timeout:g} s{stopped}"
                )
            return self.events

    def wait_for(self, request_ids: Iterable[str], timeout: float = 10) -> dict[str, Event]:
        """Wait until the events of these requests were handled.

        With `seen` on a file that counts what an earlier receiver handled, too: a program that is
        killed and started again waits for what is still to come, and for nothing else.

        Args:
            request_ids: The `request_id` of each answer.
            timeout: Seconds to wait for all of them.

        Returns:
            Request id to its event, of those that this receiver handled itself.

        Raises:
            TimeoutError: Some were not handled in time; the message names them.
        """
        asked = list(dict.fromkeys(arguments.texts("request_ids", request_ids)))
        end = time.monotonic() + arguments.span("timeout", timeout)
        while True:
            with self._changed:
                here = {subject_of(event): event for event, _ in self._events}
                missing = [one for one in asked if one not in here]
                elsewhere = [one for one in missing if not self._under_way[one]]
                gone = self.seen.handled(elsewhere) if elsewhere else set()
                missing = [one for one in missing if one not in gone]
                if not missing:
                    return {one: here[one] for one in asked if one in here}
                left = end - time.monotonic()
                if left <= 0:
                    stopped = "" if self.listening else "; the receiver is stopped"
                    raise TimeoutError(
                        f"no event of {', '.join(missing[:5])}"
                        f"{f' and {len(missing) - 5} more' if len(missing) > 5 else ''} was "
                        f"handled within {timeout:g} s{stopped}"
                    )
                # Another process may handle them over the same file, and tells nobody.
                self._changed.wait(min(left, 0.25))

    def on_receipt(self, listener: Callable[[Receipt], object]) -> None:
        """Have `listener` called with each further receipt, in the thread of its request."""
        with self._changed:
            self._listeners.append(arguments.function("listener", listener))

    # --- up and down ------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        """Whether it takes connections."""
        return self._server is not None

    def start(self) -> None:
        """Listen; where it listens already, nothing changes."""
        if self._server is None:
            server = _Server(("127.0.0.1", self.port), _Handler)
            server.receiver = self
            server.start("resonance-webhooks")
            self._server, self.port = server, server.server_address[1]
            if self._outages:
                self._outages[-1] = (self._outages[-1][0], self._clock())

    def stop(self) -> None:
        """Take no more connections: whoever calls is refused. Requests under way may finish."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            self._outages.append((self._clock(), None))

    def __enter__(self) -> WebhookReceiver:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "listening" if self.listening else "stopped"
        return f"<WebhookReceiver {self.url}, {state}, {len(self._events)} events>"

    # --- one delivery -----------------------------------------------------------------------

    def receive(self, body: bytes, headers: Any) -> Receipt:
        """Verify a delivery and handle its event, unless that was done before."""
        try:
            event = verify(
                body, headers, self._secrets, tolerance=self._tolerance, now=self._clock()
            )
        except WebhookVerificationError as error:
            return self._note(Receipt(self._clock(), "refused", 400, reason=error.reason))
        with self._at_work_on(subject_of(event)) as subject:
            return self._handle(event, subject, len(body))

    def _handle(self, event: Event, subject: str, size: int) -> Receipt:
        outcome, status, reason = "handled", 200, ""
        try:
            with self.seen.once(event.id, subject) as first:
                if not first:
                    outcome = "duplicate"
                elif self.handler is not None:
                    self.handler(event)
        except EventInProgress:
            outcome, status, reason = "busy", 409, "another thread handles it now"
        except (Exception, SystemExit) as error:  # sys.exit() would end its thread alone
            outcome, status = "failed", 500
            reason = f"the handler raised {type(error).__name__}: {error}"
        receipt = Receipt(self._clock(), outcome, status, event.id, event.type, reason)
        return self._note(receipt, event if outcome == "handled" else None, size)

    @contextlib.contextmanager
    def _at_work_on(self, subject: str) -> Iterator[str]:
        # Who waits finds an event among `seen` a moment before it is among our own.
        with self._changed:
            self._under_way[subject] += 1
        try:
            yield subject
        finally:
            with self._changed:
                self._under_way[subject] -= 1
                if not self._under_way[subject]:
                    del self._under_way[subject]
                self._changed.notify_all()

    def refuse(self, status: int, reason: str) -> Receipt:
        """Note a request that is no delivery at all."""
        return self._note(Receipt(self._clock(), "refused", status, reason=reason))

    def _note(self, receipt: Receipt, handled: Event | None = None, size: int = 0) -> Receipt:
        with self._changed:
            self._receipts.append(receipt)
            if handled is not None:
                self._handled += 1
                self._events.append((handled, size))
                self._size += size
                while len(self._events) > MEMORY or self._size > MEMORY_BYTES:
                    self._size -= self._events.popleft()[1]
            # Who listens from now on does not hear of what was before.
            listeners = list(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            try:
                listener(receipt)
            except Exception as error:  # what was handled is answered all the same
                log.warning("a listener of receipts raised %s: %s", type(error).__name__, error)
        return receipt


def subject_of(event: Event) -> str:
    """The id of the request that an event is about; empty where it tells none."""
    data = event.data
    for holder in (data, data.get("result") if isinstance(data, dict) else None):
        if isinstance(holder, dict) and isinstance(holder.get("request_id"), str):
            # Half a surrogate is no text that can be kept, and the event has to be.
            return str(holder["request_id"]).encode("utf-8", "backslashreplace").decode()
    return ""


class _Server(BoundedServer):
    receiver: WebhookReceiver


class _Handler(OneRequest):
    server: _Server
    server_version = "ResonanceOS-Receiver"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1

    most = HEAD_CAP + BODY_CAP
    unread = True

    def setup(self) -> None:
        self.patience = self.server.receiver.patience
        super().setup()

    def do_POST(self) -> None:
        receiver = self.server.receiver
        if self.path != PATH:
            return self._answer(receiver.refuse(404, f"events go to {PATH}"))
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            return self._answer(receiver.refuse(411, "a Content-Length is needed"))
        if len(length) > 12 or int(length) > BODY_CAP:
            return self._answer(receiver.refuse(413, f"a body has at most {BODY_CAP:,} bytes"))
        try:
            body = self.rfile.read(int(length))
        except TimeoutError:
            return self._answer(receiver.refuse(408, "the request did not arrive in time"))
        if len(body) < int(length):
            return self._answer(receiver.refuse(400, "the body broke off"))
        self.unread = False
        return self._answer(receiver.receive(body, self.headers.items()))

    def do_GET(self) -> None:
        self._answer(self.server.receiver.refuse(405, "events come by POST"))

    do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self, receipt: Receipt) -> None:
        said = {"outcome": receipt.outcome}
        if receipt.reason and receipt.outcome != "failed":  # our own bugs are nobody's business
            said["reason"] = receipt.reason
        content = json.dumps(said).encode()
        self.send_response(receipt.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
