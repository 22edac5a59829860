"""How fast, how steadily and how well a server answers, measured so that it can be believed.

`measure` is the closed loop (callers who wait their turn), `load` the open one (callers who come
when they like), `sweep` a closed loop at rising concurrency. Each gives a `Run`, whose figures come
with their uncertainty; `ServiceLevel` and `report` say what to make of it.
"""

from __future__ import annotations

from .closed_loop import measure
from .concurrency import Sweep, sweep
from .levels import ServiceLevel, Verdict, Verdicts, check_levels
from .open_loop import arrivals, load
from .reporting import PUBLISHED, Report, beside_published, report
from .run import Run, Sample
from .server_view import Reading, compare, read_json, read_prometheus
from .statistics import Correlation, Percentile, Share, calls_needed, correlation, percentile, share

__all__ = [
    "PUBLISHED",
    "Correlation",
    "Percentile",
    "Reading",
    "Report",
    "Run",
    "Sample",
    "ServiceLevel",
    "Share",
    "Sweep",
    "Verdict",
    "Verdicts",
    "arrivals",
    "beside_published",
    "calls_needed",
    "check_levels",
    "compare",
    "correlation",
    "load",
    "measure",
    "percentile",
    "read_json",
    "read_prometheus",
    "report",
    "share",
    "sweep",
]
