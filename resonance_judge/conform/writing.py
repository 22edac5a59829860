"""Clauses of calls that change something: bad input, idempotency, lost updates."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import requests

from .clause import NotShown, clause, require
from .prober import Prober, problem
from .reading import body, pages

VECTOR = [0.5] * 8
SPANS = (1, 2, 1, 1, 1, 1, 1, 1)
"""How far each dimension reaches: emotional_valence from -1 to 1."""
SMALL = {"paragraphs": 1, "max_length": 300}
JSON = {"Content-Type": "application/json"}
NOBODY = "http://127.0.0.1:9/conform"
"""An address for a webhook that is sent nothing."""


def keyed(call: Prober, path: str, sent: Any, key: str) -> requests.Response:
    """A POST with an Idempotency-Key."""
    return call.post(path, sent, headers={"Idempotency-Key": key})


def profile(call: Prober, **changed: Any) -> tuple[str, requests.Response]:
    """A new profile, which is deleted in the end: its path, and the answer."""
    name = call.name()
    sent = {"tenant": call.tenant, "profile_name": name, "hrv_vector": VECTOR, **changed}
    response = call.post("/profiles", sent)
    path = f"/profiles/{call.tenant}/{name}"
    call.cleanup.append(lambda: call("DELETE", path))
    return path, response


@clause("generation", "An article comes with its measured and its target vector.", "write")
def _generation(call: Prober) -> None:
    told = body(call.post("/hr_generate", {"prompt": "Tides", "tenant": call.tenant, **SMALL}))
    require(isinstance(told.get("article"), str) and told["article"], "there is no article.")
    feedback = told.get("hrv_feedback")
    require(
        isinstance(feedback, int | float) and 0 <= feedback <= 1,
        f"hrv_feedback is {feedback!r}, and no number from 0 to 1.",
    )
    for name in ("hrv_vector", "target_hrv"):
        value = told.get(name)
        require(isinstance(value, list) and len(value) == 8, f"{name} has not eight numbers.")
    for name in ("paragraphs", "tenant", "profile_name", "request_id", "created_at"):
        require(name in told, f"it lacks {name}.")
    require(told.get("status") != "error", 'a good answer has "status": "error".')


@clause("feedback", "hrv_feedback is 1 - mean(|measured - target| / range).", "write")
def _feedback(call: Prober) -> None:
    told = body(call.post("/hr_generate", {"prompt": "Tides", "tenant": call.tenant, **SMALL}))
    gaps = [
        abs(measured - target) / span
        for measured, target, span in zip(
            told["hrv_vector"], told["target_hrv"], SPANS, strict=True
        )
    ]
    right = 1 - sum(gaps) / len(gaps)
    found = told["hrv_feedback"]
    require(abs(found - right) < 0.001, f"it is {found}, and by its vectors {right:.4f}.")


@clause("lengths", "max_length and paragraphs are kept to, and content_length is true.", "write")
def _lengths(call: Prober) -> None:
    sent = {"prompt": "Tides", "tenant": call.tenant, "paragraphs": 2, "max_length": 400}
    told = body(call.post("/hr_generate", {**sent, "seed": 7, "temperature": 0}))
    length = len(told["article"])
    require(length <= 400, f"the article has {length} characters where 400 were allowed.")
    require(told["content_length"] == length, f"content_length is not the {length} that it has.")
    require(told.get("seed") == 7, "its seed is not the one that was sent.")
    parts = told["paragraphs"]
    require(len(parts) == 2, f"it has {len(parts)} paragraphs where 2 were asked for.")
    for part in parts:
        require({"text", "hrv_vector", "hrv_feedback"} <= part.keys(), "a part is not measured.")
        require(part["text"] in told["article"], "a part does not stand in the article.")


@clause("foreign-tenants", "Another's tenant in a body is answered like one that is none.", "write")
def _foreign(call: Prober) -> None:
    told = []
    for path in ("/hr_generate", "/profiles"):  # may it write at all?
        call.post(path, {"tenant": call.tenant})
    for tenant in (call.private, call.name()):
        sent = {"prompt": "Tides", "tenant": tenant}
        said = problem(call.post("/hr_generate", sent, foreign=True), 404)
        told.append({k: v for k, v in said.items() if k not in ("instance", "request_id")})
        made = {"tenant": tenant, "profile_name": call.name(), "hrv_vector": VECTOR}
        problem(call.post("/profiles", made, foreign=True), 404)
    require(told[0] == told[1], f"{call.private} is answered in other words.")


@clause("same-request-same-article", "The same request gives the same article.", "write")
def _same(call: Prober) -> None:
    sent = {"prompt": "The lighthouse", "tenant": call.tenant, **SMALL}
    first, second = (body(call.post("/hr_generate", sent)) for _ in range(2))
    require(first.get("article") == second.get("article"), "it gave two.")


@clause("unknown-fields", "An unknown field is ignored, and named in warnings.", "write")
def _unknown(call: Prober) -> None:
    sent = {"prompt": "Tides", "tenant": call.tenant, "paragrafs": 1, **SMALL}
    told = body(call.post("/hr_generate", sent))
    require("paragrafs" in str(told.get("warnings")), "warnings do not name it.")


@clause("validation", "An invalid field is answered 422, and named.", "write")
def _validation(call: Prober) -> None:
    for field, value in (("prompt", ""), ("prompt", "x" * 5001), ("paragraphs", 9)):
        sent = {"prompt": "Tides", "tenant": call.tenant, field: value}
        told = problem(call.post("/hr_generate", sent), 422)
        named = [one.get("field") for one in told.get("errors", [])]
        require(field in named, f"a bad {field} is not named: {named}.")
    short = profile(call, hrv_vector=[0.5] * 7)[1]
    problem(short, 422)


@clause("unknown-profile", "A profile that does not exist is answered 404.", "write")
def _no_profile(call: Prober) -> None:
    sent = {"prompt": "Tides", "tenant": call.tenant, "profile_name": call.name()}
    problem(call.post("/hr_generate", sent), 404)


@clause("no-numbers", "NaN, Infinity and 1e400 are refused, and never stored.", "write")
def _numbers(call: Prober) -> None:
    for text in ("NaN", "Infinity", "-Infinity", "1e400"):
        name = call.name()
        raw = (
            f'{{"tenant": "{call.tenant}", "profile_name": "{name}", '
            f'"hrv_vector": [{text}, 0, 0, 0, 0, 0, 0, 0]}}'
        )
        path = f"/profiles/{call.tenant}/{name}"
        call.cleanup.append(lambda path=path: call("DELETE", path))  # type: ignore[misc]
        problem(call.post("/profiles", data=raw.encode(), headers=JSON), 400, 422)
        raw = f'{{"prompt": "Tides", "tenant": "{call.tenant}", "temperature": {text}}}'
        problem(call.post("/hr_generate", data=raw.encode(), headers=JSON), 400, 422)


@clause("not-json", "What is no JSON is answered 400, another type 415.", "write")
def _not_json(call: Prober) -> None:
    problem(call.post("/hr_generate", data=b"{", headers=JSON), 400)
    twice = b'{"prompt": "a", "prompt": "b"}'
    problem(call.post("/hr_generate", data=twice, headers=JSON), 400)
    other = {"Content-Type": "text/plain"}
    problem(call.post("/hr_generate", data=b"Tides", headers=other), 415)


@clause("large-bodies", "A body over 1 MiB is answered 413.", "write")
def _large(call: Prober) -> None:
    sent = json.dumps({"prompt": "x" * ((1 << 20) + 1)}).encode()
    problem(call.post("/hr_generate", data=sent, headers=JSON), 413)


@clause("idempotency-replay", "A key that comes again gets the first answer.", "write")
def _replay(call: Prober) -> None:
    key = uuid4().hex
    sent = {"prompt": "Tides", "tenant": call.tenant, **SMALL}
    first = keyed(call, "/hr_generate", sent, key)
    body(first)
    second = keyed(call, "/hr_generate", dict(reversed(sent.items())), key)
    require(second.content == first.content, "it got another answer.")
    replayed = second.headers.get("Idempotency-Replayed")
    require(replayed == "true", f"Idempotency-Replayed is {replayed or 'missing'}.")
    require("Idempotency-Replayed" not in first.headers, "the first answer says it is a replay.")


@clause("idempotency-effect", "A key that comes again has no second effect.", "write")
def _effect(call: Prober) -> None:
    key, name = uuid4().hex, call.name()
    sent = {"tenant": call.tenant, "profile_name": name, "hrv_vector": VECTOR}
    call.cleanup.append(lambda: call("DELETE", f"/profiles/{call.tenant}/{name}"))
    first, second = (keyed(call, "/profiles", sent, key) for _ in range(2))
    require(first.status_code == 201, f"POST /profiles was answered {first.status_code}.")
    require(second.status_code == 201, f"the same again was answered {second.status_code}.")


@clause("idempotency-reuse", "A key that comes with another request is answered 422.", "write")
def _reuse(call: Prober) -> None:
    key = uuid4().hex
    body(keyed(call, "/hr_generate", {"prompt": "One", "tenant": call.tenant, **SMALL}, key))
    other = keyed(call, "/hr_generate", {"prompt": "Two", "tenant": call.tenant, **SMALL}, key)
    problem(other, 422)


@clause(
    "idempotency-at-once", "Of several requests at once under one key, one has an effect.", "write"
)
def _at_once(call: Prober) -> None:
    key, name = uuid4().hex, call.name()
    sent = {"tenant": call.tenant, "profile_name": name, "hrv_vector": VECTOR}
    call.cleanup.append(lambda: call("DELETE", f"/profiles/{call.tenant}/{name}"))

    def send(_: int) -> requests.Response:
        return call.post("/profiles", sent, headers={"Idempotency-Key": key}, paced=False)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    # All but one may have been told to wait; whoever comes after them meets what the one has done.
    after = send(4)
    asked = after.headers.get("Retry-After", "")
    if after.status_code == 409 and asked.isdigit():
        time.sleep(min(int(asked), 10))
        after = send(4)
    answers.append(after)
    made = [a for a in answers if a.status_code == 201 and "Idempotency-Replayed" not in a.headers]
    require(len(made) == 1, f"{len(made)} of 5 had one.")
    require(after.status_code == 201, f"the one after them was answered {after.status_code}.")
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409)
            require("Retry-After" in answer.headers, "a 409 names no Retry-After.")


@clause("idempotency-methods", "PUT, PATCH and DELETE take a key as POST does.", "write")
def _methods(call: Prober) -> None:
    path, response = profile(call)
    require(response.status_code == 201, f"POST /profiles was answered {response.status_code}.")
    asked: list[tuple[str, str, Any]] = [("PUT", path, {"hrv_vector": [0.25] * 8})]
    hook = call.post(
        "/webhooks", {"url": NOBODY, "events": ["generation.failed"], "tenant": call.tenant}
    )
    if hook.status_code == 201:
        place = f"/webhooks/{hook.json()['id']}"
        call.cleanup.append(lambda: call("DELETE", place))
        asked += [("PATCH", place, {"description": "once"}), ("DELETE", place, None)]
    for method, place, sent in (*asked, ("DELETE", path, None)):
        headers = {"Idempotency-Key": uuid4().hex}
        first, second = (call(method, place, json=sent, headers=headers) for _ in range(2))
        require(first.ok, f"{method} was answered {first.status_code}.")
        require(
            second.status_code == first.status_code,
            f"{method} again under its key was answered {second.status_code}.",
        )
        require(second.content == first.content, f"{method} again got another answer.")
        replayed = second.headers.get("Idempotency-Replayed")
        require(replayed == "true", f"{method}: Idempotency-Replayed is {replayed or 'missing'}.")
    if hook.status_code != 201:
        raise NotShown(f"POST /webhooks was answered {hook.status_code}, so PATCH had no aim.")


@clause("names", "A name is small letters, digits, _ and -, up to 64; another is refused.", "write")
def _names(call: Prober) -> None:
    for name in (f"-{call.name()}", call.name().upper(), "x" * 65, "a b", "ü"):
        call.cleanup.append(
            lambda name=name: call("DELETE", f"/profiles/{call.tenant}/{name}")  # type: ignore[misc]
        )
        told = problem(profile(call, profile_name=name)[1], 422)
        named = [one.get("field") for one in told.get("errors", [])]
        require("profile_name" in named, f"profile_name is not named: {named}.")


@clause("profiles", "A new profile is answered 201 with its Location; a second one 409.", "write")
def _profiles(call: Prober) -> None:
    path, response = profile(call, metadata={"note": "ünïcode"})
    require(response.status_code == 201, f"POST /profiles was answered {response.status_code}.")
    place = response.headers.get("Location", "")
    require(place.endswith(path), f"its Location is {place or 'missing'}.")
    told = body(call.get(path))
    require(told.get("hrv_vector") == VECTOR, "its vector is not what was sent.")
    require(told.get("metadata") == {"note": "ünïcode"}, "its metadata are not what was sent.")
    again = {"tenant": call.tenant, "profile_name": path.rpartition("/")[2], "hrv_vector": VECTOR}
    problem(call.post("/profiles", again), 409)


@clause("lost-updates", "If-Match with an old ETag is answered 412, and nothing changes.", "write")
def _lost(call: Prober) -> None:
    path, response = profile(call)
    require(response.status_code == 201, f"POST /profiles was answered {response.status_code}.")
    old = call.get(path).headers.get("ETag")
    require(old, "a profile has no ETag.")

    def put(number: float, etag: Any) -> requests.Response:
        headers: Mapping[str, str] = {"If-Match": str(etag)}
        return call("PUT", path, json={"hrv_vector": [number] * 8}, headers=headers)

    done = put(0.25, old)
    require(done.status_code == 200, f"PUT with the right ETag was answered {done.status_code}.")
    new = call.get(path).headers.get("ETag")
    require(new != old, "its ETag is the same after a change.")
    problem(put(0.75, old), 412)
    require(body(call.get(path))["hrv_vector"] == [0.25] * 8, "the refused update was made.")
    problem(call("DELETE", path, headers={"If-Match": str(old)}), 412)
    gone = call("DELETE", path, headers={"If-Match": str(new)})
    require(gone.status_code == 204, f"DELETE was answered {gone.status_code}.")
    problem(call.get(path), 404)


@clause(
    "cursors-hold", "A profile that is made while pages are turned moves no other one.", "write"
)
def _cursors(call: Prober) -> None:
    before = [one["profile_name"] for one in pages(call, 100)]
    first = body(call.get(f"/profiles?tenant={call.tenant}&limit=3"))
    require(first.get("next_cursor"), "there is no second page.")
    profile(call, profile_name=f"aaa-{call.name()}")
    names = [one["profile_name"] for one in first["profiles"]]
    cursor = first["next_cursor"]
    while cursor:
        page = body(call.get(f"/profiles?tenant={call.tenant}&limit=3&cursor={cursor}"))
        names += [one["profile_name"] for one in page["profiles"]]
        cursor = page.get("next_cursor")
    require(len(set(names)) == len(names), "a profile came twice.")
    require(set(before) <= set(names), "a profile was left out.")


@clause("measuring", "POST /hrv measures eight dimensions, with what was found for each.", "write")
def _measuring(call: Prober) -> None:
    told = body(call.post("/hrv", {"text": "We sail at dawn. Perhaps the wind will turn?"}))
    vector = told.get("hrv_vector")
    require(isinstance(vector, list) and len(vector) == 8, "hrv_vector has not eight numbers.")
