"""A `requests.Session` for one API: the same extension points, less done again for each call.

Used by itself it behaves as a stock session does (`tests/transport/test_parity.py` holds it to
that), with these differences, each on purpose:

- a timeout may be a `Deadline`, which bounds an attempt in wall-clock time;
- netrc is never read: no credential is sent that nobody gave;
- the environment's proxies are read once, and never used for a loopback address;
- certificates set on the session win over the environment's;
- its pool of connections has no limit: there are as many as threads that send at once;
- of a redirect that is not followed it does not prepare the next request (`response.next`).

Three things are built once and remembered, where a stock session builds them for each call:

- the request without its body and credentials: the URL, and the session's headers merged in;
- the settings that the environment adds: proxies and certificates;
- the way to the pool of connections to a host.

Each is checked against what it was made from, so that a header or a proxy set on the session
later counts from the next call on. What is out of the ordinary (a query, cookies, files, form
data) goes the stock way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlparse

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.hooks import dispatch_hook
from requests.utils import check_header_validity, get_auth_from_url
from urllib3 import Timeout

from .fast.exchange import Headers, Whole, is_watched
from .pools import POOL_CLASSES, InFlight

MEMORY = 256
"""How many requests, or hosts, are remembered; when there are more, it starts afresh."""

_V = TypeVar("_V")


class Session(requests.Session):
    """A session that remembers what does not change from one call to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.headers = Headers(self.headers)
        self._templates: dict[Any, tuple[Any, requests.PreparedRequest]] = {}
        self._settings: dict[Any, tuple[Any, dict[str, Any]]] = {}
        self.mount("https://", Adapter())
        self.mount("http://", Adapter())

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        url: Any = request.url
        if not self._is_ordinary(request):
            if not request.auth and not self.auth:
                in_url = get_auth_from_url(url)
                request.auth = in_url if any(in_url) else anonymous
            return super().prepare_request(request)

        template = self._template(request.method, url)
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = template.method, template.url
        prepared._cookies = template._cookies
        prepared.headers = template.headers.copy()
        for name, value in request.headers.items():
            if value is None:
                prepared.headers.pop(name, None)
            else:
                check_header_validity((name, value))
                prepared.headers[name] = value
        if request.data and isinstance(request.data, bytes):
            prepared.body = request.data
            prepared.headers["Content-Length"] = str(len(request.data))
        # A copy: an AuthBase may add to it.
        prepared.hooks = {"response": [*self.hooks["response"], *request.hooks["response"]]}
        auth = request.auth or self.auth
        if auth and auth is not anonymous:
            prepared.prepare_auth(auth)
        return prepared

    def _is_ordinary(self, request: requests.Request) -> bool:
        """Has the request nothing but a URL, headers, bytes and an auth?"""
        return not (
            request.params
            or request.files
            or request.cookies
            or request.json is not None
            or (request.data and not isinstance(request.data, bytes))
            or self.params
            or len(self.cookies)
            or "@" in str(request.url)
        )

    def _template(self, method: str | None, url: str) -> requests.PreparedRequest:
        """The request without headers of its own, body and credentials."""
        made_from = list(self.headers.items())
        remembered = self._templates.get((method, url))
        if remembered is None or remembered[0] != made_from:
            bare = requests.Request(method, url, auth=anonymous)
            prepared = super().prepare_request(bare)
            prepared.headers = Headers(prepared.headers)
            remembered = made_from, prepared
            _remember(self._templates, (method, url), remembered)
        return remembered[1]

    def merge_environment_settings(
        self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        if proxies or verify is not None or cert is not None:
            return super().merge_environment_settings(url, proxies, stream, verify, cert)
        key = _origin(url), stream
        made_from = self.proxies.copy(), self.stream, self.verify, self.cert, self.trust_env
        remembered = self._settings.get(key)
        if remembered is None or remembered[0] != made_from:
            host = urlparse(url).hostname or ""
            proxies = {"no_proxy": host} if is_loopback(host) else {}
            verify = None if self.verify is True else self.verify
            settings = super().merge_environment_settings(url, proxies, stream, verify, None)
            settings["proxies"].pop("no_proxy", None)
            remembered = made_from, settings
            _remember(self._settings, key, remembered)
        return remembered[1]

    def start(
        self, request: requests.PreparedRequest, timeout: Timeout, settings: Mapping[str, Any]
    ) -> InFlight | None:
        """Send the request and don't wait for its answer, if that takes no waiting either.

        `send` gets the answer, once the `resume` of what this returns was called.
        A request with hooks can't be started: what they do may take any time.
        """
        adapter = self.get_adapter(str(request.url))
        if not isinstance(adapter, Adapter) or request.hooks["response"]:
            return None
        return adapter.start(request, timeout, **settings)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if kwargs.get("allow_redirects", True) or "proxies" not in kwargs:
            return super().send(request, **kwargs)
        del kwargs["allow_redirects"]
        assert request.url is not None
        started = time.perf_counter()
        response = self.get_adapter(request.url).send(request, **kwargs)
        response.elapsed = timedelta(seconds=time.perf_counter() - started)
        response = dispatch_hook("response", request.hooks, response, **kwargs)
        for answer in (*response.history, response):  # an auth hook may have sent it twice
            if "Set-Cookie" in answer.headers:
                extract_cookies_to_jar(self.cookies, answer.request, answer.raw)
        if not kwargs.get("stream"):
            response.content  # noqa: B018  (reads it)
        return response


class Adapter(HTTPAdapter):
    """An `HTTPAdapter` whose connections keep to a `Deadline` and whose pools have no limit."""

    def __init__(self) -> None:
        # 0 makes urllib3's queue of idle connections boundless.
        super().__init__(pool_maxsize=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self._pools: dict[Any, Any] = {}
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those have connections of their own
            manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send the request, by the short way if it has one, and return the answer."""

        def the_long_way() -> requests.Response:
            return super(Adapter, self).send(
                request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
            )

        resumed: InFlight | None = vars(request).pop("in_flight", None)
        pool: Any = resumed and resumed.pool
        pool = pool or self._pool_of_the_short_way(request, verify, cert, proxies)
        if pool is None or isinstance(timeout, tuple):
            return the_long_way()
        if not isinstance(timeout, Timeout):
            timeout = Timeout(connect=timeout, read=timeout)
        try:
            whole: Whole | None = pool.exchange(request, timeout, resumed and resumed.connection)
            if whole is None:
                return the_long_way()
        finally:  # whatever breaks in, nothing is left behind for the next request
            pool.forget()
        whole.connection = self
        return whole

    def start(
        self,
        request: requests.PreparedRequest,
        timeout: Timeout,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
        **_: Any,
    ) -> InFlight | None:
        """Send the request and don't wait for its answer, if it can have the short way at once."""
        pool = self._pool_of_the_short_way(request, verify, cert, proxies)
        connection = pool and pool.start(request, timeout)
        if connection is None:
            return None
        return InFlight(pool, connection, request, lambda: pool in self._pools.values())

    def _pool_of_the_short_way(
        self, request: requests.PreparedRequest, verify: Any, cert: Any, proxies: Any
    ) -> Any:
        """The connections to where the request goes; None if it has to go the long way."""
        if proxies or self.max_retries.total or self.max_retries.status_forcelist or is_watched():
            return None
        return self._pools.get((_origin(str(request.url)), verify, cert))

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        if proxies:
            return super().get_connection_with_tls_context(request, verify, proxies, cert)
        assert request.url is not None
        key = _origin(request.url), verify, cert
        pool = self._pools.get(key)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            _remember(self._pools, key, pool)
        return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return super().request_url(request, proxies) if proxies else request.path_url

    def close(self) -> None:
        self._pools.clear()
        super().close()


def is_loopback(host: str) -> bool:
    """True for this machine's own address, which no traffic leaves."""
    host = host.strip("[]").rstrip(".").lower()
    return host in ("localhost", "::1") or host.endswith(".localhost") or _is_127(host)


def _is_127(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() for part in parts)


def anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth that adds nothing. Without any, a stock session asks netrc."""
    return request


def _origin(url: str) -> str:
    """``"http://host:port"`` of a URL that `requests` has prepared."""
    return url[: url.find("/", len("https://"))]


def _remember(memory: dict[Any, _V], key: Any, value: _V) -> None:
    if len(memory) >= MEMORY:
        memory.clear()
    memory[key] = value
