"""The sandbox as an ASGI application: parts put together, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator
from functools import cache, partial
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import Scope

from . import openapi
from .auth import routes as api_keys
from .auth.access_tokens import AccessTokens
from .auth.directory import OPEN_REALM, Directory
from .auth.first_credentials import first_credentials
from .auth.middleware import AuthenticationMiddleware, AuthorizationMiddleware
from .clock import Clock
from .control import routes as control
from .control.request_log import RequestLog, RequestLogMiddleware
from .control.reset import prepare
from .control.time_travel import TimeTravel, clock_of, purge
from .faults.engine import FaultEngine
from .faults.middleware import EarlyFaultMiddleware, FaultMiddleware
from .faults.routes import router as faults_router
from .generation import routes as generation
from .generation.writer_queue import WriterQueue
from .health import routes as health
from .health.components import HealthProbes, Outages
from .http.errors import handlers
from .http.middleware.access_log import AccessLogMiddleware
from .http.middleware.body import BodyLimitMiddleware, BodyMiddleware
from .http.middleware.head import HeadMiddleware
from .http.middleware.header_limits import HeaderLimitMiddleware
from .http.middleware.headers import ResponseHeadersMiddleware
from .http.middleware.host import HostMiddleware
from .http.middleware.problems import ProblemMiddleware
from .http.middleware.request_id import RequestIDMiddleware, StillRequestIDMiddleware
from .http.middleware.target import TargetMiddleware
from .http.needs import needs_of
from .http.principal import STRANGER
from .idempotency.middleware import IdempotencyMiddleware
from .limits.middleware import RateLimitMiddleware
from .limits.rate_limits import RateLimits
from .metrics import routes as metrics
from .metrics.middleware import MetricsMiddleware
from .metrics.recorder import Metrics
from .oauth import consent
from .oauth import routes as oauth
from .oauth.server import AuthorizationServer
from .oauth.sessions import Sessions
from .profiles import routes as profiles
from .scoring import routes as hrv
from .settings import Settings, is_loopback
from .store import Database
from .tenants import routes as tenants
from .webhooks import deliveries, subscriptions
from .webhooks import routes as webhooks
from .webhooks.delivery_worker import DeliveryWorker
from .webhooks.outbox import Outbox
from .webhooks.secret_box import SecretBox, key_of
from .webhooks.ssrf_guard import SSRFGuard
from .writer import ResonantWriter, default_writer
from .writer.base import Writer

__all__ = ["create_app", "issue_credentials"]

TOPICS = (
    health,
    generation,
    hrv,
    tenants,
    profiles,
    metrics,
    webhooks,
    api_keys,
    oauth,
    consent,
    control,
)

WARM_UP = 0.5
"""Seconds from the start to the writer's warm-up, which leaves the first answers time to go out."""

HOUSEKEEPING = 600.0
"""Seconds between two clearings of stored answers that are too old."""


def create_app(
    settings: Settings | None = None,
    writer: Writer | None = None,
    url: str | None = None,
    *,
    clock: Clock | None = None,
    faults: FaultEngine | None = None,
    delivery_worker: type[DeliveryWorker] = DeliveryWorker,
) -> FastAPI:
    """A sandbox.

    Args:
        settings: how it behaves.
        writer: the engine that writes; the built-in one if None.
        url: its base URL, which is its name as an issuer of tokens; that of the settings if None.
        clock: what time it is; a clock of its own if None.
        faults: what decides which request meets which fault.
        delivery_worker: the class that delivers events.

    Raises:
        DatabaseError: the database cannot be opened.
    """
    settings = settings or Settings()
    writer = writer or default_writer()
    database = Database(settings.database)
    clock = clock or clock_of(database, settings.still, settings.clock)
    prepare(database, clock.shown())
    url = url or f"http://{settings.host}:{settings.port}"
    tokens = AccessTokens(url, settings.token_lifetime, clock)
    directory = Directory(database, tokens, clock)
    if settings.shared or not is_loopback(settings.host):
        directory.anonymous = STRANGER
    counters = Metrics()
    log = RequestLog(clock.shown)
    limits = RateLimits(settings, clock)
    faults = faults or FaultEngine()
    outbox = Outbox(database, clock, settings.still)
    box = SecretBox(key_of(database))
    subscriptions.prove(database, box)
    guard = SSRFGuard(allow_loopback=settings.allow_loopback_webhooks, own_port=urlsplit(url).port)
    recorder = deliveries.AttemptRecorder(
        settings.webhook_retry, settings.webhook_disable_after, clock, settings.still
    )
    agent = f"ResonanceOS-Webhooks/{_version()}"

    routes: list[Route] = []

    def scopes(scope: Scope) -> frozenset[str] | None:
        for route in routes:
            if scope["method"] in (route.methods or ()) and route.path_regex.match(scope["path"]):
                return frozenset(need.scope for need in needs_of(route))
        return None

    app: FastAPI = FastAPIOffline(
        title="ResonanceOS v6 sandbox",
        version=_version(),
        summary="Content generation steered by eight measured dimensions of its language.",
        lifespan=_lifespan,
        redoc_url=None,  # it loads its logo from elsewhere
        redirect_slashes=False,
        exception_handlers=handlers(),
        middleware=[
            Middleware(TargetMiddleware),
            Middleware(RequestIDMiddleware),
            *([Middleware(AccessLogMiddleware)] if settings.access_log else []),
            Middleware(
                ResponseHeadersMiddleware, clock, partial(limits.headers, OPEN_REALM, "unknown")
            ),
            # Refused before anything of a request is read, counted or remembered.
            Middleware(ProblemMiddleware),
            Middleware(HeaderLimitMiddleware),
            Middleware(HostMiddleware, (settings.host, *settings.allowed_hosts)),
            Middleware(EarlyFaultMiddleware, faults, directory),
            Middleware(BodyMiddleware, settings.max_body),
            *([Middleware(StillRequestIDMiddleware)] if settings.still else []),
            Middleware(RequestLogMiddleware, directory, log),
            Middleware(MetricsMiddleware, directory, counters),
            Middleware(HeadMiddleware),
            Middleware(ProblemMiddleware),
            Middleware(AuthenticationMiddleware, directory),
            Middleware(RateLimitMiddleware, directory, limits),
            Middleware(AuthorizationMiddleware, directory, settings.auth == "required"),
            Middleware(BodyLimitMiddleware, settings.max_body),
            Middleware(FaultMiddleware, faults, directory, clock),
            Middleware(IdempotencyMiddleware, database, directory, scopes, clock),
        ],
    )
    app.state.settings = settings
    app.state.writer = writer
    app.state.database = database
    app.state.directory = directory
    app.state.tokens = tokens
    app.state.authorization_server = AuthorizationServer(database, directory, tokens, clock)
    app.state.sessions = Sessions(clock)
    app.state.metrics = counters
    app.state.log = log
    app.state.limits = limits
    app.state.outages = Outages(directory)
    app.state.faults = faults
    app.state.outbox = outbox
    app.state.secret_box = box
    app.state.guard = guard
    app.state.delivery_worker = delivery_worker(
        database, box, guard, recorder, clock, settings.webhook_timeout, agent
    )
    app.state.clock = clock
    app.state.time_travel = TimeTravel(clock, database, app.state.delivery_worker, limits)
    app.state.version = _version()
    app.state.started = clock()
    topics = [one.router for one in TOPICS]
    routes += [route for route in app.routes if isinstance(route, Route)]
    for router in (*topics, faults_router):
        app.include_router(router)
        routes += [route for route in router.routes if isinstance(route, Route)]
    app.state.routes = routes
    openapi.install(app, settings)
    return app


def issue_credentials(app: FastAPI) -> dict[str, dict[str, str]]:
    """Make the secrets of this start.

    For each private tenant it has from the first an API key, an OAuth client and a user; and the
    administrator's key.

    They can be read here alone; the database has their digests. On a file that was used before,
    the secrets of the latest starts stay valid, so that a client can go on after a restart.
    """
    database: Database = app.state.database
    issued = database.write(partial(first_credentials, clock=app.state.clock))
    app.state.directory.load()
    return issued


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    state.writer_queue = WriterQueue(state.settings.writer_threads, state.settings.max_queue)
    state.health = HealthProbes(state.database, state.writer, state.clock)
    background = [
        asyncio.create_task(_housekeeping(state.database, state.clock, state.limits)),
        asyncio.create_task(_warm_up(state.writer, state.health)),
    ]
    state.delivery_worker.start()
    state.outbox.wake = state.delivery_worker.wake
    try:
        yield
    finally:
        state.delivery_worker.stop()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        state.database.close()


async def _housekeeping(database: Database, clock: Clock, limits: RateLimits) -> None:
    while True:
        with contextlib.suppress(SQLAlchemyError):  # a full disk may have room again by then
            await asyncio.wrap_future(
                database.submit(lambda connection: purge(connection, clock()))
            )
        limits.purge()
        await asyncio.sleep(HOUSEKEEPING)


async def _warm_up(writer: Writer, well: HealthProbes) -> None:
    if isinstance(writer, ResonantWriter):
        await asyncio.sleep(WARM_UP)
        await well.checks(frozenset())  # first, or on a busy machine each holds up the other
        await anyio.to_thread.run_sync(writer.warm_up, abandon_on_cancel=True)


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("resonance-helpers")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"
