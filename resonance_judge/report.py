"""A judgement as JSON, and as JUnit's XML."""

from __future__ import annotations

from typing import Any

from .judgement import Judgement
from .junit import junit
from .observation import Observation

__all__ = ["as_dict", "as_junit"]


def as_dict(judgement: Judgement) -> dict[str, Any]:
    """The judgement as JSON can hold it."""
    return {
        "command": list(judgement.command),
        "seed": judgement.seed,
        "promises": [
            {
                "name": verdict.promise.name,
                "says": verdict.promise.says,
                "verdict": verdict.verdict,
                "shown_by": verdict.shown_by,
                "advice": verdict.promise.advice,
                "broken_in": [
                    {"scenario": f.scenario, "request": f.request, "shown_by": f.shown_by}
                    for f in verdict.findings
                    if not f.kept
                ],
            }
            for verdict in judgement.verdicts
        ],
        "effects": [str(effect) for effect in sorted(judgement.calm.named_effects)],
        "scenarios": [_scenario(seen) for seen in (judgement.calm, *judgement.troubled)],
    }


def _scenario(seen: Observation) -> dict[str, Any]:
    return {
        "name": seen.scenario.name,
        "title": seen.scenario.title,
        "met": seen.struck,
        "ended": seen.ended,
        "exit_code": seen.exit_code,
        "seconds": round(seen.seconds, 3),
        "requests": [
            {
                "number": request.number,
                "at": round(request.at, 3),
                "method": request.method,
                "path": request.path,
                "label": request.label,
                "idempotency_key": request.key,
                "status": request.status,
                "retry_after": request.retry_after,
                "fault": request.fault,
                "replayed": request.replayed,
                "effect": request.effect is not None,
            }
            for request in seen.requests.values()
        ],
        "deliveries": [
            {
                "what": delivery.what,
                "event": delivery.event,
                "at": round(delivery.at, 3),
                "status": delivery.status,
            }
            for delivery in seen.deliveries
        ],
        "marks": [
            {"at": round(mark.at, 3), "until": round(mark.until, 3), "what": mark.what}
            for mark in seen.marks
        ],
    }


def as_junit(judgement: Judgement) -> bytes:
    """The judgement as JUnit's XML."""
    return junit(
        "resonance judge",
        "promises",
        [
            (
                verdict.promise.name,
                verdict.verdict,
                verdict.shown_by,
                f"{verdict.promise.says}\nFix: {verdict.promise.advice}",
            )
            for verdict in judgement.verdicts
        ],
    )
