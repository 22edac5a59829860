"""The capstone's integrations get from the judge what the capstone says of them.

Only what it puts them through: lost answers, a busy server, a limit, forgeries and duplicates.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from authoring import notes
from resonance_helpers.lesson.exercises import check
from resonance_judge import JudgeError, Judgement, judge

from .programs import command

TROUBLE = ("lost-after", "error-503", "refused-bare", "forged", "doubled")

AROUND = '''
import contextlib, hashlib, json, os, tempfile, threading, time
from collections import Counter
from pathlib import Path
import requests
from resonance_helpers import ResonanceOSAPIClient, Secret, WebhookReceiver, run_batch
from resonance_helpers.webhooks import SeenEvents, WebhookVerificationError, new_secret, verify
from resonance_helpers.webhooks.receiver import Receipt

os.environ["RESONANCE_WEBHOOK_SECRET"] = new_secret().reveal()
press = ResonanceOSAPIClient(os.environ["RESONANCE_URL"], retry=None, on_error="raise")
copies, published, lock = Counter(), Counter(), threading.Lock()


def publish(article):
    """Print an article, which the server sees; where it refuses, the press is jammed."""
    name = hashlib.sha256(article.encode()).hexdigest()[:12]
    with lock:
        copies[name] += 1
        printed = f"printed-{name}-{copies[name]}"
        try:
            press.create_profile("default", printed, [0.5] * 8, idempotency_key=printed)
        except Exception:
            copies[name] -= 1
            raise RuntimeError("the press is jammed; try again")
        published[name] += 1

{answer}

prompts = [f"The history of the {{place}}" for place in ("harbour", "night train", "library")]
receiver = answer(prompts, Path(tempfile.mkdtemp()), 0, publish)
patience = time.monotonic() + 15
while receiver and len(published) < len(prompts) and time.monotonic() < patience:
    time.sleep(0.05)
if receiver:
    time.sleep(1)  # whatever comes twice comes now
    receiver.stop()
'''

WRONG = {wrong.what: wrong for wrong in notes.read("capstone").wrong["newsroom"]}

BROKEN = {
    "gives up at the first failure": {
        "survives-server-errors",
        "survives-rate-limits",
    },
    "tries again without a key": {"does-nothing-twice", "sends-a-key-with-every-post"},
    "a receiver that believes everybody": {"refuses-forgeries", "takes-duplicates"},
    "a receiver that verifies and forgets": {"takes-duplicates"},
    "acknowledges what it could not publish": {
        "survives-server-errors",
        "survives-rate-limits",
    },
}
"""What each wrong answer breaks. The others want a profile or a webhook, which the assignment asks
for: the judge knows no assignment, and holds a program to what it does by itself."""


def judged(folder: Path, answer: str) -> Judgement:
    source = AROUND.replace("{{", "{").replace("}}", "}").replace("{answer}", answer)
    return judge(command(folder, source), only=lambda one: one.name in TROUBLE)


def broken(judgement: Judgement) -> dict[str, str]:
    return {verdict.promise.name: verdict.shown_by for verdict in judgement.broken}


def test_an_idle_one_cannot_be_judged(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="made the server do nothing"):
        judged(tmp_path, WRONG["does nothing"].answer)


@pytest.mark.soak
def test_the_good_one_breaks_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path, check.capstone.newsroom.solution)
    assert broken(found) == {}


@pytest.mark.soak
@pytest.mark.parametrize("what", BROKEN)
def test_a_wrong_one_breaks_what_the_capstone_says(what: str, tmp_path: Path) -> None:
    found = broken(judged(tmp_path, WRONG[what].answer))
    assert found.keys() == BROKEN[what], found


def test_every_wrong_answer_is_still_there() -> None:
    assert BROKEN.keys() <= WRONG.keys()
    assert not re.search(r"\{[a-z]+\}", check.capstone.newsroom.solution)
