"""GET /health and /metrics: how the server is, and what it has done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..transport import NO_RETRIES
from ..types import HealthAnswer, MetricsAnswer, TextAnswer
from .base import Calls

if TYPE_CHECKING:
    from typing import Unpack

    from ..types import CallOptions


class HealthCalls(Calls):
    """How the server is, and what it has done."""

    def health_check(self, **call: Unpack[CallOptions]) -> HealthAnswer:
        """GET /health: ``status`` (healthy, degraded), ``version``, ``checks``.

        Never retried: the point is to hear how the server is now.
        """
        expect = {"status": str}
        return self._run(self._get("/health", HealthAnswer, call, expect=expect, retry=NO_RETRIES))

    def get_system_metrics(self, **call: Unpack[CallOptions]) -> MetricsAnswer:
        """GET /metrics: requests, errors, times and feedback so far, in all and by endpoint."""
        return self._run(self._get("/metrics", MetricsAnswer, call))

    def get_prometheus_metrics(self, **call: Unpack[CallOptions]) -> TextAnswer:
        """GET /metrics as a Prometheus server reads them: ``{"text": ...}``."""
        plain = {
            "headers": {"Accept": "text/plain; version=0.0.4"},
            "expect": {"text": str},
            "text": True,
        }
        return self._run(self._get("/metrics", TextAnswer, call, **plain))
