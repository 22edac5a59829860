"""What a failure means and what to do about it.

Tables, a map of where a call can break, and a race of three clients through the same trouble.
Whatever injects faults needs a client of `connect()` on a sandbox; the rest works anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import requests

from ..client.errors import NotSentError, OutcomeUnknownError, ResonanceError
from ..client.transport import NO_RETRIES, RetryPolicy
from . import plots
from .plots import Picture

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TROUBLE",
    "NaiveClient",
    "Score",
    "effects",
    "journeys",
    "map_of",
    "race",
    "scoreboard",
    "table",
    "verdict",
]

TROUBLE = (
    "unavailable",
    "rate_limited",
    "reset_before_request",
    "reset_after_commit",
    "truncated_body",
)
"""What the race throws at a client: two polite refusals, and three broken connections, of which
two come after the work was done."""

PROMPTS = tuple(
    f"{subject} {place}"
    for place in ("in cities", "by the sea", "in winter", "at school")
    for subject in ("Bees", "Bicycles", "Bridges", "Gardens", "Libraries", "Markets")
)
"""24 short prompts."""


class NaiveClient:
    """The client that most people write first: one POST, and an `except` around it.

    Args:
        base_url: Where the API is.
        attempts: How often it sends the same POST before it gives up. More than 1 is the
            mistake that the lesson is about: it sends no Idempotency-Key.
        timeout: Seconds without a byte from the server.
    """

    def __init__(self, base_url: str, attempts: int = 1, timeout: float = 5) -> None:
        self.base_url = base_url
        self.attempts = attempts
        self.timeout = timeout
        self.session = requests.Session()

    def generate_content(self, prompt: str, **fields: Any) -> dict[str, Any]:
        """The answer's JSON, or ``{"status": "error", "message": ...}``."""
        failure: dict[str, Any] = {}
        for _ in range(self.attempts):
            try:
                response = self.session.post(
                    f"{self.base_url}/hr_generate",
                    json={"prompt": prompt, **fields},
                    timeout=self.timeout,
                )
                response.raise_for_status()
                answer: dict[str, Any] = response.json()
            except requests.RequestException as error:
                failure = {"status": "error", "message": str(error)}
            else:
                return answer
        return failure


def effects(api: Any) -> int:
    """How many generations the sandbox has executed and stored for the open tenants."""
    metrics = api.sandbox.call("GET", "/metrics?tenant=default")
    return int(metrics["generations"]["stored"])


def verdict(error: ResonanceError) -> str:
    """What a program knows after this error: ``not sent``, ``outcome unknown`` or ``refused``."""
    if isinstance(error, NotSentError):
        return "not sent"
    return "outcome unknown" if isinstance(error, OutcomeUnknownError) else "refused"


def table(failures: Mapping[str, Any]) -> pd.DataFrame:
    """Error dicts of the client as rows: code, type, category, what is known, retryable.

    Args:
        failures: A name for each error dict.
    """
    import pandas as pd

    rows = {
        name: {
            "code": str(failure["response_code"] or "none"),
            "type": failure["type"],
            "category": failure.error.category,
            "known": verdict(failure.error),
            "retryable": failure["retryable"],
        }
        for name, failure in failures.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


# --- where a call can break ----------------------------------------------------------------------

STATIONS = ("connect", "request", "work", "answer begins")
"""What a call passes, in order."""

BREAKS: tuple[tuple[str, str | None, int], ...] = (
    ("nobody listens", None, -1),
    ("refused with 503", "unavailable", 1),
    ("reset before the work", "reset_before_request", 1),
    ("reset after the work", "reset_after_commit", 2),
    ("answer cut short", "truncated_body", 3),
)
"""A name for each break, the fault that makes it, and the last station that the call passes
(-1: not even the first)."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One call that broke: how far it came, what its sender knows, and what really happened.

    Attributes:
        name: What broke.
        reached: Index in `STATIONS` of the last station it passed; -1 for none.
        known: The sender's `verdict`.
        type: The error's type.
        done: Generations that the server executed.
    """

    name: str
    reached: int
    known: str
    type: str
    done: int


def journeys(api: Any, prompt: str = "A call that breaks") -> list[Journey]:
    """Break one call at each point, without retries, and ask the server what it did."""
    once = api.with_options(retry=NO_RETRIES)
    found = []
    for name, kind, reached in BREAKS:
        before = effects(api)
        if kind is None:
            failure = type(api)("http://127.0.0.1:9", retry=None).generate_content(prompt)
        else:
            with api.sandbox.faults.inject(kind, route="/hr_generate"):
                failure = once.generate_content(prompt)
        found.append(
            Journey(name, reached, verdict(failure.error), failure["type"], effects(api) - before)
        )
    return found


@plots.style()
def map_of(found: Sequence[Journey]) -> Picture:
    """Each journey as a line to the point where it broke, with what its sender knows."""
    figure, axes = plots.canvas(8.5, 1.4 + 0.45 * len(found), ())
    for row, journey in enumerate(found):
        end = journey.reached + 0.5
        done = journey.done > 0
        colour = plots.MEASURED if done else plots.TARGET
        axes.plot([-0.9, end], [row, row], "-" if done else "--", color=colour, linewidth=2)
        axes.plot([end], [row], "X", color=colour, markersize=10)
        words = f"{journey.known}; {'work done' if done else 'nothing done'}"
        axes.text(end + 0.15, row, words, va="center")
    axes.set_yticks(range(len(found)), [journey.name for journey in found])
    axes.invert_yaxis()
    axes.set_xticks(range(len(STATIONS)), STATIONS)
    axes.set_xlim(-0.9, len(STATIONS) + 1.6)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.grid(axis="x", color=plots.GRID)
    wide = max(len(journey.name) for journey in found)
    # A letter for each station, three dashes apart, so that each X lies before or after it.
    letters = "  ".join(station[0].upper() for station in STATIONS)
    key = ", ".join(f"{station[0].upper()} {station}" for station in STATIONS)
    lines = [f"{'':<{wide}}      {letters}     ({key})"]
    lines += [
        f"{journey.name:<{wide}} |{'---' * (journey.reached + 2)}X"
        f"{'   ' * (len(STATIONS) - journey.reached - 1)}  "
        f"{journey.known:<16} done: {journey.done}"
        for journey in found
    ]
    alt = "How far a call came before it broke: " + "; ".join(
        f"{journey.name}: {journey.known}, {journey.done} done" for journey in found
    )
    return Picture(figure, "\n".join(lines), alt + ".")


# --- the race ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one client's calls so far.

    Attributes:
        calls: How many it was asked to make.
        answered: How many brought their caller an article.
        lost: Articles that the server wrote and nobody got.
        twice: Articles that the server wrote beyond the first for one call.
        seconds: How long all of it took.
    """

    calls: int = 0
    answered: int = 0
    lost: int = 0
    twice: int = 0
    seconds: float = field(default=0.0, compare=False)

    def after(self, answered: bool, done: int, seconds: float) -> Score:
        """The score with one more call, for which the server did the work `done` times."""
        return replace(
            self,
            calls=self.calls + 1,
            answered=self.answered + answered,
            lost=self.lost + (done > 0 and not answered),
            twice=self.twice + max(0, done - 1),
            seconds=self.seconds + seconds,
        )


def race(
    api: Any, rate: float, prompts: Sequence[str] = PROMPTS, seed: int = 7
) -> Iterator[dict[str, Score]]:
    """Send each prompt through three clients, and yield the scores after each prompt.

    Every client meets the same faults: `rate` of its attempts run into one of `TROUBLE`.

    Args:
        api: A client of `connect()` on a sandbox.
        rate: Share of the attempts that fail, 0..1.
        prompts: What to send.
        seed: Another one strikes other attempts.
    """
    patient = api.with_options(retry=RetryPolicy(max_attempts=8, base=0.01), on_error="return")
    runners: dict[str, Callable[[str], Mapping[str, Any]]] = {
        "gives up at once": NaiveClient(api.base_url).generate_content,
        "tries again blindly": NaiveClient(api.base_url, attempts=8).generate_content,
        "ours": patient.generate_content,
    }
    scores = dict.fromkeys(runners, Score())
    for prompt in prompts:
        for name, send in runners.items():
            before = effects(api)
            # Declared anew for each call: the count of attempts starts anew too, so that each
            # client's first attempt meets what the others' first attempts met.
            with api.sandbox.faults.inject(
                TROUBLE, rate=rate, seed=seed, route="/hr_generate", retry_after=0
            ):
                began = time.perf_counter()
                answer = send(prompt)
                seconds = time.perf_counter() - began
            answered = answer.get("status") != "error"
            scores[name] = scores[name].after(answered, effects(api) - before, seconds)
        yield dict(scores)


@plots.style({"hatch.color": "white"})
def scoreboard(scores: Mapping[str, Score], title: str = "") -> Picture:
    """The scores as bars: answered, lost, and written again, client by client."""
    parts = (
        ("answered", "answered", plots.TARGET, "", plots.PAPER),
        ("lost", "written, never received", plots.MEASURED, "///", plots.PAPER),
        ("twice", "written again", "#F0E442", "...", "#8a7f00"),
    )
    figure, axes = plots.canvas(8.5, 3.2)
    height = 0.26
    for place, (part, label, colour, hatch, edge) in enumerate(parts):
        rows = [row + (place - 1) * height for row in range(len(scores))]
        values = [getattr(score, part) for score in scores.values()]
        look: Any = {"color": colour, "hatch": hatch, "edgecolor": edge, "label": label}
        drawn = axes.barh(rows, values, height=height * 0.9, **look)
        axes.bar_label(drawn, padding=4)
    axes.set_yticks(range(len(scores)), list(scores))
    axes.invert_yaxis()
    most = max((score.calls for score in scores.values()), default=0)
    axes.set_xlim(0, max(1, most) * 1.1)
    axes.set_xlabel(f"of {most} calls")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    wide = max(map(len, scores), default=0)
    lines = [f"{'':<{wide}} {'calls':>6} {'answered':>9} {'lost':>5} {'again':>6}"]
    lines += [
        f"{name:<{wide}} {score.calls:>6} {score.answered:>9} {score.lost:>5} {score.twice:>6}"
        for name, score in scores.items()
    ]
    told = "; ".join(
        f"{name}: {score.answered} of {score.calls} answered, {score.lost} lost, "
        f"{score.twice} written again"
        for name, score in scores.items()
    )
    text = "\n".join([title, *lines] if title else lines)
    return Picture(figure, text, f"{title or 'Scores'}: {told}.")
