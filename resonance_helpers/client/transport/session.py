"""A `requests.Session` for one API, with the same extension points.

It behaves as a stock session does (`tests/client/transport/test_parity.py` holds it to that), with
these differences, each on purpose:

- a timeout may be a `Deadline`, which bounds an attempt in wall-clock time;
- netrc is never read: no credential is sent that nobody gave;
- the environment's proxies are read once, and never used for a loopback address;
- certificates set on the session win over the environment's;
- it asks for no compression but that of the standard library, which `compression` can bound;
- servers can fill its cookie jar up to `COOKIES` bytes, which each request takes along;
- its pool of connections has no limit: there are as many as threads that send at once;
- of a redirect that is not followed it does not prepare the next request (`response.next`), for
  which a stock session reads the whole body, however large.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.exceptions import InvalidProxyURL
from requests.utils import get_auth_from_url

from .address import is_loopback
from .connections import POOL_CLASSES

MEMORY = 256
"""How many hosts' settings are remembered; when there are more, it starts afresh."""

COOKIES = 8_000
"""Bytes of cookies that are kept: many a server refuses a header of more than 8 KiB."""

_V = TypeVar("_V")


class Session(requests.Session):
    """A session that remembers what the environment says, and keeps to a `Deadline`."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["Accept-Encoding"] = "gzip, deflate"
        self.cookies = CookieJar()
        self._settings: dict[Any, tuple[Any, dict[str, Any]]] = {}
        self.mount("https://", Adapter())
        self.mount("http://", Adapter())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[misc, no-untyped-call, unused-ignore]
        self._settings = {}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """The request as it will be sent."""
        if not request.auth and not self.auth:
            in_url = get_auth_from_url(str(request.url))
            request.auth = in_url if any(in_url) else anonymous
        return super().prepare_request(request)

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        """What the environment adds: proxies and certificates, read once for each host.

        What is set on the session later counts from the next call on.
        """
        if proxies or verify is not None or cert is not None:
            return super().merge_environment_settings(url, proxies, stream, verify, cert)  # type: ignore[return-value, unused-ignore]
        key = origin_of(url), stream
        made_from = (
            self.proxies and self.proxies.copy(),
            self.stream,
            self.verify,
            self.cert,
            self.trust_env,
        )
        remembered = self._settings.get(key)
        if remembered is None or remembered[0] != made_from:
            host = urlsplit(url).hostname or ""
            proxies = {"no_proxy": host} if is_loopback(host) else {}
            verify = None if self.verify is True else self.verify
            settings: Any = super().merge_environment_settings(url, proxies, stream, verify, None)
            settings["proxies"].pop("no_proxy", None)
            remembered = made_from, settings
            remember(self._settings, key, remembered)
        return remembered[1]

    def resolve_redirects(  # type: ignore[override, unused-ignore]
        self, resp: Any, req: Any, *args: Any, yield_requests: bool = False, **kwargs: Any
    ) -> Iterator[Any]:
        """The answers of the redirects that are followed."""
        if yield_requests:
            return iter(())
        return super().resolve_redirects(resp, req, *args, **kwargs)


class CookieJar(RequestsCookieJar):
    """A jar that a server can't fill by a new cookie in each answer, until it takes no request.

    The first ones stay, and can be renewed: by one of them a load balancer knows its way.
    """

    def make_cookies(self, response: Any, request: Any) -> Any:
        """The cookies of an answer, as many as there is room for."""
        made, taken = super().make_cookies(response, request), []
        if not made:
            return made
        self.clear_expired_cookies()
        held = {_place(cookie): _size(cookie) for cookie in self}
        for cookie in made:
            with_it = held | {_place(cookie): _size(cookie)}
            if sum(with_it.values()) <= COOKIES:
                held = with_it
                taken.append(cookie)
        return taken


def _place(cookie: Any) -> tuple[str, str, str]:
    return cookie.domain, cookie.path, cookie.name


def _size(cookie: Any) -> int:
    return len(cookie.name) + len(cookie.value or "") + len("=; ")


class Adapter(HTTPAdapter):
    """An `HTTPAdapter` whose connections keep to a `Deadline` and whose pools have no limit."""

    def __init__(self) -> None:
        # 0 makes urllib3's queue of idle connections boundless.
        super().__init__(pool_maxsize=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those have connections of their own
            manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """The proxy's credentials."""
        try:
            return super().proxy_headers(proxy)
        except UnicodeEncodeError:  # it is not the request that can't be sent
            raise InvalidProxyURL("its password can't be sent") from None

    def close(self) -> None:
        """Close the connections; what is sent afterwards opens new ones."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for pool in map(manager.pools.get, manager.pools.keys()):
                # Only a pool that nobody holds is closed by urllib3, and an error that is kept
                # holds one: its traceback does. What is under way comes back, and ends with it.
                for _ in range(pool.pool.qsize() if pool and pool.pool else 0):
                    pool._get_conn().close()
        super().close()
        self.__setstate__(self.__getstate__())  # new pools, to tell from those that were closed


def anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth that adds nothing. Without any, a stock session asks netrc."""
    return request


def origin_of(url: str) -> str:
    """``"http://host:port"`` of a URL that `requests` has prepared."""
    return url[: url.find("/", len("https://"))]


def remember(memory: dict[Any, _V], key: Any, value: _V) -> None:
    """Keep a value, within bounds."""
    if len(memory) >= MEMORY:
        memory.clear()
    memory[key] = value
