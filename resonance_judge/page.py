"""A judgement as a page: the verdicts, and for each scenario its requests against the trouble.

One file without scripts, which needs nothing from elsewhere.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from html import escape

from .judgement import Judgement
from .observation import Observation, Request
from .promises import Verdict, Word

__all__ = ["page"]

WIDTH, LANE, MARGIN = 1000, 16, 24
"""Of a timeline, in its own units: its width, a row of requests, the axis below."""

LANES = 12
"""Rows at most; further requests at the same time share the last one."""

SIGNS: dict[Word, str] = {"kept": "✓", "broken": "✗", "not shown": "?"}

MARKS = {
    "kill": "SIGKILL",
    "restart": "server restarts",
    "outage": "outage",
}

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d5dbe1; --paper: #fff;
  --good: #1a7f37; --bad: #c62828; --idle: #6b7480; --trouble: #b25e00; --band: #f6dcc0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a7b0ba; --line: #3a424b;
  --paper: #14181c; --good: #56c271; --bad: #ff7b72; --idle: #98a2ad; --trouble: #f0a35e;
  --band: #4a3520; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
code { font-size: .9em; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; }
h3 { margin: 2rem 0 .25rem; } .soft { color: var(--soft); } a { color: inherit; }
table { border-collapse: collapse; width: 100%; } .scroll { overflow-x: auto; }
td, th { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); } th { font-weight: 600; }
.kept { color: var(--good); } .broken { color: var(--bad); } .not-shown { color: var(--idle); }
.word { font-weight: 600; white-space: nowrap; } .requests td { padding: .15rem .6rem; }
svg { width: 100%; height: auto; display: block; border: 1px solid var(--line); margin: .5rem 0; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.done { fill: var(--good); } .read { fill: var(--idle); } .hit { fill: var(--trouble); }
.guilty { stroke: var(--bad); stroke-width: 3; } .band { fill: var(--band); }
.moment { stroke: var(--trouble); stroke-width: 2; } svg text.said { fill: var(--ink); }
svg text.accused { fill: var(--bad); font-weight: 600; } .key { display: inline-block; width: .8em;
  height: .8em; margin-right: .3em; } .legend span { margin-right: 1.2em; }
"""


def page(judgement: Judgement) -> str:
    """The page, as HTML."""
    words = [verdict.verdict for verdict in judgement.verdicts]
    counts = ", ".join(f"{words.count(word)} {word}" for word in SIGNS)
    shown = "\n".join(
        _scenario(seen, judgement.verdicts) for seen in (judgement.calm, *judgement.troubled)
    )
    effects = "".join(f"<li>{escape(str(e))}</li>" for e in sorted(judgement.calm.named_effects))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Judged: {escape(shlex.join(judgement.command))}</title><style>{STYLE}</style></head>
<body><h1>Does it hold?</h1>
<p><code>{escape(shlex.join(judgement.command))}</code></p>
<p>{counts}; seed {judgement.seed}, {len(judgement.troubled)} scenarios.</p>
<details><summary>What it means to do: {judgement.calm.effects.total()} effects, the same in two
runs without trouble</summary><ul>{effects}</ul></details>
<h2>Promises</h2>
<div class="scroll"><table><thead><tr><th>Verdict</th><th>Promise</th><th>Shown by</th></tr></thead>
<tbody>{"".join(map(_row, judgement.verdicts))}</tbody></table></div>
<h2>Scenarios</h2>
<p class="soft">Time runs to the right; each bar is a request, from its arrival to its answer.</p>
<p class="legend soft"><span><svg class="key" viewBox="0 0 9 9"><rect class="done" width="9"
height="9"/></svg>it did something</span><span><svg class="key" viewBox="0 0 9 9"><rect class="hit"
width="9" height="9"/></svg>it met trouble</span><span><svg class="key" viewBox="0 0 9 9"><rect
class="read" width="9" height="9"/></svg>anything else</span><span>✗ it breaks a promise</span></p>
{shown}
</body></html>
"""


def _row(verdict: Verdict) -> str:
    word, promise = verdict.verdict, verdict.promise
    told = _linked(verdict)
    if word == "broken":
        told += f"<br><strong>Fix:</strong> {escape(promise.advice)}"
    return (
        f'<tr><td class="word {word.replace(" ", "-")}">{SIGNS[word]} {word}</td>'
        f"<td><strong>{promise.name}</strong><br>{escape(promise.says)}</td><td>{told}</td></tr>"
    )


def _linked(verdict: Verdict) -> str:
    if verdict.verdict != "broken":
        return f'<span class="soft">{escape(verdict.shown_by)}</span>'
    broken = [finding for finding in verdict.findings if not finding.kept]
    first, rest = broken[0], broken[1:]
    told = f'<a href="#{first.scenario}">{first.scenario}</a>: {escape(first.shown_by)}'
    if rest:
        names = dict.fromkeys(finding.scenario for finding in rest)
        told += " Also in " + ", ".join(f'<a href="#{name}">{name}</a>' for name in names) + "."
    return told


def _scenario(seen: Observation, verdicts: Sequence[Verdict]) -> str:
    name = seen.scenario.name
    broken = [
        (finding, verdict.promise)
        for verdict in verdicts
        for finding in verdict.findings
        if finding.scenario == name and not finding.kept
    ]
    guilty = {finding.request for finding, _ in broken if finding.request is not None}
    said = "".join(
        f'<p class="broken">✗ {promise.name}: {escape(finding.shown_by)}</p>'
        for finding, promise in broken
    )
    end = "did not end in time" if not seen.ended else f"exit code {seen.exit_code}"
    met = "" if seen.struck else " It met none of it."
    rows = "".join(_request(request, guilty) for request in seen.requests.values())
    return f"""<h3 id="{name}">{name}</h3>
<p class="soft">{escape(seen.scenario.title[:1].upper() + seen.scenario.title[1:])}.{met}
{len(seen.requests)} requests, {seen.seconds:.1f} s, {end}.</p>
{said}{_timeline(seen, guilty)}
<details><summary>Requests</summary><div class="scroll"><table class="requests"><thead><tr><th>No.
</th><th>At</th><th>Request</th><th>Key</th><th>Answer</th><th>Trouble</th></tr></thead>
<tbody>{rows}</tbody></table></div></details>"""


def _request(request: Request, guilty: Iterable[int]) -> str:
    sign = "✗ " if request.number in guilty else ""
    asked = "" if request.retry_after is None else f", Retry-After {request.retry_after:g}"
    told = escape(f"{request.method} {request.path}")
    label = f' <span class="soft">{escape(request.label)}</span>' if request.label else ""
    key = escape(request.key[:16]) if request.key else "none"
    return (
        f"<tr><td>{sign}{request.number}</td><td>{request.at:.2f} s</td><td>{told}{label}</td>"
        f"<td><code>{key}</code></td>"
        f"<td>{request.status or 'none'}{asked}{', replayed' if request.replayed else ''}</td>"
        f"<td>{escape(request.fault or '')}</td></tr>"
    )


def _timeline(seen: Observation, guilty: Iterable[int]) -> str:
    """The picture of one scenario."""
    requests = list(seen.requests.values())
    ends = [request.ended or request.at for request in requests] + [m.at for m in seen.marks]
    span = max([*ends, seen.seconds, 0.1]) * 1.02
    lanes: list[float] = []
    placed = []
    for request in requests:
        lane = next((i for i, free in enumerate(lanes) if free <= request.at), len(lanes))
        lane = min(lane, LANES - 1)
        ended = max(request.ended or request.at, request.at + span * 0.006)
        if lane == len(lanes):
            lanes.append(ended)
        lanes[lane] = ended
        placed.append((request, lane, ended))
    deep = MARGIN + LANE * max(1, len(lanes))
    height = deep + MARGIN

    def x(at: float) -> float:
        return round(at / span * WIDTH, 1)

    parts = []
    for mark in seen.marks:
        wide = max(x(min(mark.until, span)) - x(mark.at), 2)
        parts.append(
            f'<rect class="band" x="{x(mark.at)}" y="0" width="{wide}" height="{deep}"/>'
            f'<line class="moment" x1="{x(mark.at)}" x2="{x(mark.at)}" y1="0" y2="{deep}"/>'
            f'<text class="said" x="{min(x(mark.at) + 4, WIDTH - 90)}" y="12">'
            f"{MARKS.get(mark.what, mark.what)}</text>"
        )
    for request, lane, ended in placed:
        kind = "hit" if request.fault else "done" if request.effect else "read"
        accused = request.number in guilty
        y = MARGIN + lane * LANE
        parts.append(
            f'<rect class="{kind}{" guilty" if accused else ""}" x="{x(request.at)}" y="{y}" '
            f'width="{round(x(ended) - x(request.at), 1)}" height="{LANE - 5}">'
            f"<title>{escape(str(request))}</title></rect>"
        )
        if accused:
            parts.append(
                f'<text class="accused" x="{x(request.at)}" y="{y - 2}">✗ {request.number}</text>'
            )
    for tick in range(6):
        at = span * tick / 5
        anchor = "start" if tick == 0 else "end" if tick == 5 else "middle"
        parts.append(f'<text x="{x(at)}" y="{height - 6}" text-anchor="{anchor}">{at:.1f} s</text>')
    described = f"{len(requests)} requests in {seen.seconds:.1f} seconds"
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{described}">'
        f"{''.join(parts)}</svg>"
    )
