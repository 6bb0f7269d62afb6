"""An event subscription in this process: notified events, polled events, and text deltas."""

import asyncio
import time

import pytest

from pointsman.db import connection, prompt_events, prompt_runs
from pointsman.db.connection import run_in_transaction
from pointsman.db.event_listener import EventListener
from pointsman.prompts import event_subscription, submission
from pointsman.prompts.event_subscription import BEGINNING, EventPosition, EventSubscription, StreamEvent
from tests.prompts.engine_harness import EngineHarness

OWNER = "owner-of-this-test"


class DeafListener(EventListener):
    """A listener that gets no notifications, as behind a pooler."""

    def listen(self) -> None:
        self._connection = run_in_transaction(lambda db: db)


def subscribe(
    engine: EngineHarness, prompt_id: str, listener_type: type[EventListener] = EventListener
) -> EventSubscription:
    """Subscribe from the start, which does not check whether an execution works on the prompt."""
    subscription = EventSubscription(engine.user_id, prompt_id, BEGINNING, listener_type(prompt_id))
    assert [event.event for event in subscription.replay()] == ["prompt.created"]
    return subscription


def read_events(subscription: EventSubscription, timeout: float = 5) -> list[StreamEvent]:
    return asyncio.run(subscription.wait_for_events(timeout))


def submit_and_claim(engine: EngineHarness, tokens: bool = True) -> str:
    """Submit a prompt and claim it: the test writes its events itself."""
    prompt_id = engine.submit(tokens=tokens)
    assert run_in_transaction(prompt_runs.claim, prompt_id, 0, OWNER)
    return prompt_id


def send_deltas(prompt_id: str, *texts: str | None) -> None:
    for text in texts:
        run_in_transaction(lambda db, text=text: prompt_events.notify_text_delta(db, prompt_id, OWNER, text))


def delta_texts(events: list[StreamEvent]) -> list[str]:
    return [
        "RESET" if event.data.get("reset") else str(event.data["text"])
        for event in events
        if event.event == "prompt.delta"
    ]


def test_notified_events_and_deltas_arrive_in_order(engine: EngineHarness) -> None:
    engine.simulator.script_model({"text": "One two three."}, match="A question.")
    submitted = submission.submit_prompt(engine.user_id, "A question.", tokens=True)
    subscription = EventSubscription.open_before_start(engine.user_id, submitted, BEGINNING)
    submission.start_prompt(submitted)
    assert [event.event for event in subscription.replay()] == ["prompt.created"]
    engine.advance(submitted.id)
    events = read_events(subscription)
    assert [event.position.seq for event in events if event.position] == [2, 3]
    assert events[-1].event == "prompt.completed"
    assert subscription.has_ended
    assert "".join(delta_texts(events)) == "One two three."
    subscription.close()


def test_deltas_are_delivered_from_the_start_of_a_turn_only(engine: EngineHarness) -> None:
    prompt_id = submit_and_claim(engine)
    subscription = subscribe(engine, prompt_id)
    send_deltas(prompt_id, "in the middle")
    assert read_events(subscription, 0.1) == []
    send_deltas(prompt_id, None, "One", " two")
    assert delta_texts(read_events(subscription)) == ["One", " two"]
    send_deltas(prompt_id, None, "One")
    assert delta_texts(read_events(subscription)) == ["RESET", "One"]
    run_in_transaction(prompt_events.append, prompt_id, "prompt.output", {"type": "text"})
    send_deltas(prompt_id, None, "Three")
    events = read_events(subscription)
    assert [(event.event, str(event.position)) for event in events] == [
        ("prompt.output", "2"),
        ("prompt.delta", "None"),
    ]
    assert delta_texts(events) == ["Three"]
    subscription.close()


def test_a_delta_of_a_completed_text_is_dropped(engine: EngineHarness) -> None:
    prompt_id = submit_and_claim(engine)
    subscription = subscribe(engine, prompt_id)
    send_deltas(prompt_id, None, "One")
    run_in_transaction(prompt_events.append, prompt_id, "prompt.output", {"type": "text"})
    # Polled before its notification is read.
    assert [event.position for event in subscription._poll()] == [EventPosition(2)]
    assert read_events(subscription, 0.1) == []
    subscription.close()


def test_a_lost_connection_resets_the_text_and_loses_no_event(engine: EngineHarness) -> None:
    prompt_id = submit_and_claim(engine)
    subscription = subscribe(engine, prompt_id)
    send_deltas(prompt_id, None, "One")
    assert delta_texts(read_events(subscription)) == ["One"]
    backend = run_in_transaction(lambda db: db.execute("SELECT pg_backend_pid() AS pid").fetchone())
    assert backend is not None
    engine.db.execute("SELECT pg_terminate_backend(%s)", (backend["pid"],))
    assert delta_texts(read_events(subscription)) == ["RESET"]
    send_deltas(prompt_id, " two")
    run_in_transaction(prompt_events.append, prompt_id, "prompt.output", {"type": "text"})
    assert [(event.event, str(event.position)) for event in read_events(subscription)] == [("prompt.output", "2")]
    subscription.close()


def test_events_are_polled_where_notifications_are_lost(engine: EngineHarness) -> None:
    prompt_id = submit_and_claim(engine)
    subscription = subscribe(engine, prompt_id, DeafListener)
    started_at = time.monotonic()
    for seq in (2, 3):
        engine.db.execute(
            "INSERT INTO prompt_events (prompt_id, seq, event, data) VALUES (%s, %s, 'prompt.output', '{}')",
            (prompt_id, seq),
        )
        assert [event.position for event in read_events(subscription)] == [EventPosition(seq)]
    assert time.monotonic() - started_at < 4 * event_subscription._POLL_SECONDS
    subscription.close()


def test_a_closed_subscription_does_not_listen(engine: EngineHarness) -> None:
    subscription = subscribe(engine, submit_and_claim(engine))
    query = "SELECT count(*) AS channels FROM pg_listening_channels()"
    assert run_in_transaction(lambda db: db.execute(query).fetchone()) == {"channels": 1}
    subscription.close()
    assert run_in_transaction(lambda db: db.execute(query).fetchone()) == {"channels": 0}
    connection.close()
    subscription.close()


def test_a_subscription_does_not_listen_where_that_is_turned_off(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_NOTIFICATIONS", "off")
    prompt_id = submit_and_claim(engine)
    subscription = subscribe(engine, prompt_id)
    query = "SELECT pg_listening_channels()"
    assert run_in_transaction(lambda db: db.execute(query).fetchall()) == []
    send_deltas(prompt_id, None, "One")
    run_in_transaction(prompt_events.append, prompt_id, "prompt.output", {"type": "text"})
    assert [(event.event, str(event.position)) for event in read_events(subscription)] == [("prompt.output", "2")]
    subscription.close()
