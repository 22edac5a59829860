"""How many calls at once are worth it: the same work at rising concurrency.

Little's law (1961) ties three figures of any system in a steady state: calls under way =
throughput x response time. So while response times stay as they are, throughput grows with the
concurrency; and once throughput has met its limit, response times grow instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from ..client.transport import arguments
from ..progress import Snapshot, Stopped, progress_for
from .closed_loop import listed, measure
from .run import Run
from .runner import MOST_WORKERS, Generates, stopped

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True)
class Sweep:
    """Closed-loop runs at rising concurrency, ``{concurrency: Run}``."""

    runs: dict[int, Run]

    @property
    def best(self) -> float:
        """The highest throughput of all, in requests per second."""
        return max(run.requests_per_second for run in self.runs.values())

    def enough(self, share: float = 0.9) -> int:
        """The lowest concurrency that reaches `share` of the best throughput.

        More than that makes everybody wait longer and gives next to nothing for it.
        """
        return min(
            c for c, run in self.runs.items() if run.requests_per_second >= share * self.best
        )

    def speedup(self, concurrency: int) -> float:
        """Throughput at `concurrency` over that at the lowest one measured."""
        first = self.runs[min(self.runs)].requests_per_second
        return self.runs[concurrency].requests_per_second / first

    @property
    def frame(self) -> DataFrame:
        """One row for each concurrency.

        Throughput in requests/s, mean and p90 of the response time in s, calls under way by
        Little's law, and the speed-up over the first row.
        """
        from pandas import DataFrame

        return (
            DataFrame(
                {
                    "requests_per_second": run.requests_per_second,
                    "mean_response_time": run.mean(),
                    "p90_response_time": run.percentile(0.9).value,
                    "under_way": run.requests_per_second * run.mean("service_time"),
                    "speedup": self.speedup(concurrency),
                }
                for concurrency, run in self.runs.items()
            )
            .set_index([list(self.runs)])
            .rename_axis("concurrency")
        )


def sweep(
    client: Generates,
    prompts: Iterable[str],
    concurrency: Sequence[int] = (1, 2, 4, 8, 16, 32),
    *,
    calls_each: int = 4,
    least: int = 8,
    progress: bool | Callable[[Snapshot], object] = True,
    **parameters: Any,
) -> Sweep:
    """Measure the same calls at each concurrency, lowest first.

    Args:
        client: Anything with `generate_content(prompt, **parameters)`, safe for threads.
        prompts: Taken in turn, over and over.
        concurrency: Which to try, each 1 to 256.
        calls_each: Calls for each worker, 1 or more. Few make the end of a run, when some workers
            have nothing left to do, weigh more.
        least: Calls at each concurrency, at least.
        progress: Shown where there is someone to see it (True), not at all (False), or each
            `Snapshot` handed to a function.
        parameters: Sent with each call.

    Raises:
        Stopped: It was interrupted; a KeyboardInterrupt that says how far it had come.
        TypeError: What should be a number is none.
        ValueError: A number is out of its range.
    """
    each = listed(prompts)
    calls_each = arguments.whole("calls_each", calls_each, 1, 1_000)
    least = arguments.whole("least", least, 1, 1_000)
    if not concurrency:
        raise ValueError("concurrency is empty; give one number at least, such as (1, 2, 4)")
    levels = {arguments.whole("concurrency", workers, 1, MOST_WORKERS) for workers in concurrency}
    counts = {workers: max(least, calls_each * workers) for workers in sorted(levels)}
    shown = progress_for(progress, "a measurement")
    runs: dict[int, Run] = {}
    far = Snapshot(0, sum(counts.values()), 0, 0, 0, 0, 0.0, 0.0)
    for workers, count in counts.items():
        before = far

        def show(now: Snapshot, before: Snapshot = before) -> None:
            nonlocal far
            sums = ("ended", "successful", "failed", "retries", "seconds")
            added = {name: getattr(before, name) + getattr(now, name) for name in sums}
            far = replace(before, **added, rate=now.rate)
            shown.show(far)

        calls = list(islice(cycle(each), count))
        try:
            runs[workers] = measure(client, calls, concurrency=workers, progress=show, **parameters)
        except Stopped:
            shown.close(far)
            raise stopped(far) from None
    shown.close(far)
    return Sweep(runs)
