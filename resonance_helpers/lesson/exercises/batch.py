"""Exercises about batches: count, find the reason, and resume."""

from __future__ import annotations

from typing import Any

from ...batch import BatchReport
from .core import NotYet, attempt, exercise, of_type

REPORT = "the report that run_batch returned"


@exercise(
    "How many of the results have result['success'] true?",
    "An empty batch has nothing to divide by: return 0 before you divide.",
    solution="""
def answer(results):
    if not results:
        return 0
    return 100 * sum(result["success"] for result in results) / len(results)
""",
    online=False,
)
def success_rate(answer: Any, api: Any) -> str:
    """A function of a list of results, `{"success": bool, ...}`: the success rate in percent."""
    for outcomes, wanted in [
        ([True, True, True, True], 100),
        ([True, False, True, True], 75),
        ([False], 0),
        ([], 0),
    ]:
        rate = attempt(answer, [{"success": outcome} for outcome in outcomes])
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            raise NotYet(f"It should return a number; it returned {rate!r}.")
        if wanted and abs(rate * 100 - wanted) < 1e-9:
            raise NotYet(f"It returned {rate:g} for {wanted} %; the rate is asked for in percent.")
        if abs(rate - wanted) > 1e-9:
            good = sum(outcomes)
            raise NotYet(f"With {good} of {len(outcomes)} good ones it returned {rate:g}.")
    return "And an empty batch is no crash: statistics are read most when something went wrong."


@exercise(
    "run_batch returns a report; its failures say their type, such as validation-failed.",
    "A profile that nobody has made gives unknown-profile: name one in one request, and let the "
    "others be good.",
    solution="""
answer = run_batch(api, [
    {"prompt": "Solar power"},
    {"prompt": "Wind power", "profile_name": "no_such_profile"},
    {"prompt": "Tidal power"},
])
""",
)
def one_failure(answer: Any, api: Any) -> str:
    """The report of a batch of three or more, of which exactly one fails, as unknown-profile."""
    report = of_type(answer, BatchReport, REPORT)
    reasons = [failure.type for failure in report.failures]
    if report.stats.total < 3:
        raise NotYet(f"The batch has {report.stats.total} requests; make it three or more.")
    if not reasons:
        raise NotYet("None of its requests failed; exactly one should.")
    if len(reasons) != 1:
        raise NotYet(f"{len(reasons)} of its requests failed, not one: {', '.join(reasons)}.")
    if reasons != ["unknown-profile"]:
        raise NotYet(f"One failed, but as {reasons[0]}; it should be unknown-profile.")
    return f"{report.stats.successful} others came through: one failure never stops the rest."


@exercise(
    "The same call twice, with the same requests and the same journal: the second does nothing.",
    "A longer list goes on where the shorter one ended, as long as it begins with the same "
    "requests: first two of them, then all three.",
    solution="""
three = ["Rain", "Snow", "Hail"]
with tempfile.TemporaryDirectory() as folder:
    run_batch(api, three[:2], journal=f"{folder}/journal.db")
    answer = run_batch(api, three, journal=f"{folder}/journal.db")
""",
)
def resumed(answer: Any, api: Any) -> str:
    """The report of a batch of three, two of whose answers came out of the journal."""
    stats = of_type(answer, BatchReport, REPORT).stats
    if stats.successful != 3:
        raise NotYet(f"{stats.successful} of its requests are successful; it should be three.")
    if stats.resumed == 0:
        raise NotYet("All of them were sent in this run. Did both runs have the same journal?")
    if stats.resumed == 3:
        raise NotYet(
            "All three came out of the journal: an earlier run has sent them. Begin with a new "
            "journal, and send two at first."
        )
    if stats.resumed != 2:
        raise NotYet(f"{stats.resumed} came out of the journal; it should be two.")
    return "Two answers came out of the journal, and only the third was sent."
