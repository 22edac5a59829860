"""The idempotency store as a state machine: whatever comes in whatever order, each key has one
effect, and its answer is that effect's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import insert, select
from starlette.types import Message, Receive, Scope, Send

from resonance_sandbox.auth.access_tokens import AccessTokens
from resonance_sandbox.auth.directory import Directory
from resonance_sandbox.http.context import RequestContext
from resonance_sandbox.http.pending import LIFETIME
from resonance_sandbox.http.principal import ANONYMOUS, Principal
from resonance_sandbox.http.problems import Problem
from resonance_sandbox.http.reply import Reply
from resonance_sandbox.idempotency.middleware import IdempotencyMiddleware
from resonance_sandbox.store import Database, tenants

KEYS = st.sampled_from(["k1", "k2"])
BODIES = st.sampled_from([b'{"a": 1}', b'{"a": 2}'])
CALLERS = st.sampled_from([ANONYMOUS, Principal("other", None, frozenset({"admin"}))])
OUTCOMES = st.sampled_from([200, 201, 404, 422, 409, 429, 500, 503, "crash", "killed"])


class _Killed(BaseException):
    """The process ends: nothing after this line runs."""


class Store(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.database = Database()
        self.now = 1e9
        self.effects = 0
        self.model: dict[tuple[str, str], tuple[float, bytes, int, bytes]] = {}
        self.open()

    def open(self) -> None:
        self.store = IdempotencyMiddleware(
            self.app,
            self.database,
            Directory(
                self.database,
                AccessTokens("http://127.0.0.1", 60, lambda: self.now),
                lambda: self.now,
            ),
            lambda scope: frozenset(),
            lambda: self.now,
        )

    def teardown(self) -> None:
        self.database.close()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A handler that commits its effect with the record, as `answer.commit` does."""
        outcome = self.outcome
        if outcome == "crash":
            raise ValueError
        committed = isinstance(outcome, str) or outcome < 300
        status = 200 if outcome == "killed" else outcome
        response = Reply(status, {"effect": self.effects + 1}).response()
        pending = scope["context"].pending
        if committed:

            def work(connection: Any) -> None:
                row = {"name": f"e{self.effects + 1}", "access": "", "created_at": ""}
                connection.execute(insert(tenants).values(**row))
                pending.record(
                    connection, status, response.raw_headers, bytes(response.body), self.now
                )

            self.database.write(work)
            pending.recorded = True
            self.effects += 1
            if outcome == "killed":
                raise _Killed
        await response(scope, receive, send)

    def call(self, key: str, body: bytes, caller: Principal) -> tuple[int, bytes, bool] | str:
        call = RequestContext("id", body)
        call.principal = caller
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/x",
            "raw_path": b"/x",
            "query_string": b"",
            "headers": [(b"idempotency-key", key.encode())],
            "context": call,
        }
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        try:
            asyncio.run(self.store(scope, receive, send))
        except Problem as problem:
            return problem.slug
        except ValueError:
            return "crash"
        except _Killed:
            return "killed"
        head, *parts = sent
        replayed = (b"idempotency-replayed", b"true") in head["headers"]
        return head["status"], b"".join(part["body"] for part in parts), replayed

    @rule(key=KEYS, body=BODIES, caller=CALLERS, outcome=OUTCOMES)
    def send(self, key: str, body: bytes, caller: Principal, outcome: int | str) -> None:
        self.outcome = outcome
        before = self.effects
        got = self.call(key, body, caller)
        slot = (caller.credential_id, key)
        known = self.model.get(slot)
        if known is not None and known[0] > self.now - LIFETIME:
            _, first, status, answer = known
            expected = (status, answer, True) if first == body else "idempotency-key-reused"
            assert got == expected
            assert self.effects == before
            return
        if outcome in ("crash", "killed"):
            assert got == outcome
        else:
            assert isinstance(got, tuple)
            assert (got[0], got[2]) == (outcome, False)
        if outcome in (200, 201, 404, 422):
            assert isinstance(got, tuple)
            self.model[slot] = (self.now, body, got[0], got[1])
        elif outcome == "killed":
            # The caller saw nothing; the effect and its answer are there all the same.
            answer = json.dumps({"effect": self.effects}, separators=(",", ":")).encode()
            self.model[slot] = (self.now, body, 200, answer)
            self.open()

    @rule(seconds=st.sampled_from([1, LIFETIME - 2, LIFETIME]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def restart(self) -> None:
        self.open()

    @invariant()
    def each_effect_is_there(self) -> None:
        with self.database.reading() as connection:
            found = len(connection.execute(select(tenants.c.name)).all())
        assert found == self.effects


TestStore = Store.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
