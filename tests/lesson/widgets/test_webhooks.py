"""The panel shows what the server says of each event and what the receiver did; and the picture."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import WebhookReceiver
from resonance_helpers.lesson.connect import LessonClient
from resonance_helpers.lesson.webhooks import backlog
from resonance_helpers.lesson.widgets.webhooks import EventPanel
from resonance_helpers.webhooks import new_secret
from tests.support.waiting import eventually

SECRET = new_secret()


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(allow_loopback_webhooks=True, webhook_retry=[0.2, 0.2]) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as running:
        yield running


@pytest.fixture
def api(server: sandbox.Sandbox) -> LessonClient:
    server.reset()
    return LessonClient(server.url)


@pytest.fixture
def panel(api: LessonClient, receiver: WebhookReceiver) -> EventPanel:
    hook = api.create_webhook(receiver.url, ["generation.completed"], secret=SECRET)
    return EventPanel(api, hook["id"], receiver)


def said(panel: EventPanel) -> list[tuple[str, str, str]]:
    return list(panel.rows.values())


def test_an_event_arrives_in_the_table(panel: EventPanel) -> None:
    assert repr(panel).startswith("EventPanel: Press Write")
    assert "<td" not in panel.table.value
    panel.write_button.click()
    row = ("generation.completed", "✓ delivered, 1 try", "handled")
    assert eventually(lambda: said(panel) == [row])
    assert "✓ delivered, 1 try" in panel.table.value
    assert eventually(lambda: panel.news == "The receiver is up. Nothing is missing.")
    assert eventually(
        lambda: "generation.completed: ✓ delivered, 1 try, receiver: handled" in panel.view.value
    )
    assert "image/png" in panel._still()[0]


def test_events_wait_die_and_are_brought_back(panel: EventPanel) -> None:
    panel.up.value = False
    assert eventually(lambda: panel.news == "The receiver is down. Nothing is missing.")
    panel.write_button.click()
    assert eventually(
        lambda: said(panel) == [("generation.completed", "✗ dead, 3 tries", "nothing")]
    )
    assert eventually(lambda: panel.news == "The receiver is down. 1 dead.")
    picture = panel._picture
    assert picture
    assert picture.text.split() == ["generation.completed", "xxx", "✗", "dead,", "3", "tries"]
    panel.up.value = True
    panel.again_button.click()
    assert eventually(
        lambda: said(panel) == [("generation.completed", "✓ delivered, 4 tries", "handled")]
    )


def test_what_others_make_is_shown_as_well(panel: EventPanel, api: LessonClient) -> None:
    api.generate_content("Rain", paragraphs=1)
    assert eventually(lambda: len(said(panel)) == 1 and said(panel)[0][1] == "✓ delivered, 1 try")
    api.redeliver(panel._webhook, next(iter(panel.rows)))
    assert eventually(lambda: said(panel)[0][2] == "handled, duplicate")


def test_what_has_just_arrived_is_in_the_first_picture(
    panel: EventPanel, api: LessonClient, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver had it, and the server has not noted that yet."""
    api.generate_content("Rain", paragraphs=1)
    assert eventually(lambda: said(panel) and said(panel)[0][1] == "✓ delivered, 1 try")
    asked = []

    def late(*args: object, **options: object) -> object:
        asked.append(args)
        answer = LessonClient.get_deliveries(api, *args, **options)  # type: ignore[arg-type]
        if len(asked) < 3:
            answer["deliveries"][0].update(status="pending", attempts=[])
        return answer

    monkeypatch.setattr(api, "get_deliveries", late)
    second = EventPanel(api, panel._webhook, receiver)
    assert second._picture
    assert "delivered, 1 try" in second._picture.text
    assert second.news.startswith("Press Write")


def test_a_port_that_was_taken_meanwhile_is_told(
    panel: EventPanel, receiver: WebhookReceiver
) -> None:
    panel.up.value = False
    with WebhookReceiver(SECRET, port=receiver.port):
        panel.up.value = True
        assert eventually(
            lambda: panel.news.startswith("The receiver is down (") and "in use" in panel.news
        )
        assert panel.up.value is False
    panel.up.value = True
    assert eventually(lambda: panel.news == "The receiver is up. Nothing is missing.")


def test_a_server_that_is_gone_is_told(receiver: WebhookReceiver) -> None:
    panel = EventPanel(LessonClient("http://127.0.0.1:9"), "wh_1", receiver)
    assert "The call failed: No connection" in panel.news


# --- the picture ---------------------------------------------------------------------------------


@pytest.fixture
def patient() -> Iterator[LessonClient]:
    """Its sandbox tries again for ten seconds, however long the receiver takes to come back."""
    with sandbox.start(allow_loopback_webhooks=True, webhook_retry=[0.2] * 50) as server:
        yield LessonClient(server.url)


def test_what_lies_between_the_stairs_waited(
    patient: LessonClient, receiver: WebhookReceiver
) -> None:
    api = patient
    api.create_webhook(receiver.url, ["generation.completed"], secret=SECRET)
    asked = {}

    def write() -> None:
        began = time.time()
        asked[api.generate_content("Rain", paragraphs=1)["request_id"]] = began

    api.generate_content("Snow")  # not ours: it is not in `asked`
    write()
    receiver.wait(2)
    receiver.stop()
    write()
    write()
    receiver.start()
    receiver.wait(4)
    picture = backlog(asked, receiver)
    assert [line.split() for line in str(picture).splitlines()] == [
        ["receiver", "asked", "for", "handled", "waiting"],
        ["up", "1", "1", "0"],
        ["down", "3", "1", "2"],
        ["up", "3", "3", "0"],
    ]
    assert picture.alt == "3 articles asked for, 3 events handled; at most 2 waited."
    assert picture.png().startswith(b"\x89PNG")
    assert "receiver is down" in picture.svg()


def test_a_receiver_that_heard_nothing_is_drawn_too(receiver: WebhookReceiver) -> None:
    assert "up" in str(backlog({}, receiver))
