"""An answer: the dict that a call returns, with what HTTP said beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from .fields import K1, K2, K3, K4, K5, K6, K7, V1, V2, V3, V4, V5, V6, V7, Fields
from .rate_limit import RateLimit

if TYPE_CHECKING:
    from ..errors import ResonanceError

_MILLISECONDS = re.compile(r'"?[0-9]{1,12}(?:[.][0-9]{0,12})?"?')


class Answer(Fields[K1, V1, K2, V2, K3, V3, K4, V4, K5, V5, K6, V6, K7, V7]):
    """The JSON of a successful answer; what HTTP said beside it is in the attributes.

    Attributes:
        status_code: The HTTP status, 2xx.
        headers: The answer's headers, by name in any case.
        elapsed: Seconds that the attempt took which brought this answer.
        attempts: How often the request was sent; more than 1 after retries.
        error: A `Failure`'s alone: the exception behind it.
    """

    __slots__ = ("attempts", "elapsed", "headers", "status_code")

    if TYPE_CHECKING:
        error: ResonanceError

    def __init__(
        self,
        content: Mapping[str, Any] | None = None,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        elapsed: float = 0.0,
        attempts: int = 1,
    ) -> None:
        super().__init__(content or {})
        self.status_code = status_code
        self.headers: Mapping[str, str] = CaseInsensitiveDict() if headers is None else headers
        self.elapsed = elapsed
        self.attempts = attempts

    @property
    def request_id(self) -> str | None:
        """The server's name for the request."""
        return self.headers.get("X-Request-ID")

    @property
    def server_time(self) -> float | None:
        """Seconds that the server says it worked (Server-Timing, ``app;dur``), or None."""
        for metric in self.headers.get("Server-Timing", "").split(","):
            name, *parameters = (part.strip() for part in metric.split(";"))
            for parameter in parameters if name == "app" else ():
                key, _, value = parameter.partition("=")
                if key.strip() == "dur" and _MILLISECONDS.fullmatch(value.strip()):
                    return float(value.strip().strip('"')) / 1000
        return None

    @property
    def rate_limit(self) -> RateLimit | None:
        """What is left of the rate limit, as of this answer."""
        return RateLimit.from_headers(self.headers)

    @property
    def etag(self) -> str | None:
        """The version of what was answered, for `if_match`."""
        return self.headers.get("ETag")

    @property
    def replayed(self) -> bool:
        """True if the server had stored this answer for the idempotency key earlier."""
        return self.headers.get("Idempotency-Replayed", "").lower() == "true"
