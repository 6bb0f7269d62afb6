"""Delivery of webhooks: what is sent, when it is tried again, who is given up on, and that nothing is lost."""

import threading
from contextlib import ExitStack

import httpx
import pytest

from local.stack.stack import Stack
from pointsman.db import webhook_deliveries
from pointsman.db.connection import run_in_transaction
from pointsman.db.webhook_outbox import user_owner
from pointsman.webhooks import attempt as attempts
from pointsman.webhooks import delivery
from pointsman.webhooks.delivery import RETRY_SECONDS, deliver_due
from tests.harness.database import Database
from tests.harness.function_logs import run_schedule
from tests.harness.wait import wait_until
from tests.harness.webhook_receiver import Message, Receiver, run_receiver
from tests.harness.webhooks import DELIVERY_FUNCTION, deliveries, emit, make_due, register, user_of, verify
from tests.harness.worker_processes import kill_workers


def test_a_process_that_dies_between_sending_and_recording_sends_again_under_the_same_id(
    delivering: None, agent: httpx.Client, receiver: Receiver, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent))

    def die(*_arguments: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_record_outcome", die)
        with pytest.raises(SystemExit):
            deliver_due({})
    assert len(receiver.messages) == 1
    # Until the lease is over, no other process sends it.
    assert deliver_due({})["delivered"] == 0
    make_due(db)
    assert deliver_due({})["delivered"] == 1
    first, second = receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    assert verify(second, webhook["secret"]) == second.content
    assert [(row["status"], row["attempts"]) for row in deliveries(agent, webhook)] == [("delivered", 2)]


def test_a_function_that_is_killed_while_a_target_answers_sends_again(
    stack: Stack, delivering: None, agent: httpx.Client, db: Database
) -> None:
    def kill_once(_message: Message) -> tuple[int, dict[str, str]]:
        if len(receiver.messages) == 1:
            assert kill_workers("webhook_delivery.handler") == 1
        return 200, {}

    with run_receiver(kill_once) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        assert stack.fire_schedule(DELIVERY_FUNCTION).error is not None
        make_due(db)
        deliver_due({})
    assert len(receiver.messages) == 2
    assert len({message.id for message in receiver.messages}) == 1
    assert [(row["status"], row["attempts"]) for row in deliveries(agent, webhook)] == [("delivered", 2)]


def test_processes_at_the_same_time_never_send_the_same_attempt(
    delivering: None, stack: Stack, agent: httpx.Client, receiver: Receiver
) -> None:
    register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent), 20)
    runs = [threading.Thread(target=run_schedule, args=(stack, DELIVERY_FUNCTION)) for _ in range(2)]
    for run in (*runs,):
        run.start()
    deliver_due({})
    for run in runs:
        run.join()
    assert sorted({message.id for message in receiver.messages}) == sorted(message.id for message in receiver.messages)
    assert len(receiver.messages) == 20


@pytest.mark.limit("webhook-attempts")
def test_a_failed_attempt_is_repeated_with_longer_pauses_and_then_given_up(
    delivering: None, agent: httpx.Client, db: Database
) -> None:
    with run_receiver(lambda _message: (500, {})) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        for pause in RETRY_SECONDS:
            deliver_due({})
            row = db.execute(
                "SELECT status, extract(epoch FROM next_attempt_at - updated_at)::float8 AS pause"
                " FROM webhook_deliveries"
            ).fetchone()
            assert row is not None
            assert row["status"] == "pending"
            assert pause - 1 <= row["pause"] <= pause * 1.1 + 1
            make_due(db)
        deliver_due({})
        (failed,) = deliveries(agent, webhook, status="failed")
        assert (failed["attempts"], failed["responseStatus"]) == (len(RETRY_SECONDS) + 1, 500)
        assert failed["error"] == "The target answered 500; any but 2xx is a failure"
        assert agent.get(f"/webhooks/{webhook['id']}").json()["failingSince"]
        assert len({message.id for message in receiver.messages}) == 1
        receiver.answer = lambda _message: (200, {})
        replayed = agent.post(f"/webhooks/{webhook['id']}/deliveries/{failed['id']}/replay")
        assert (replayed.json()["status"], replayed.json()["attempts"]) == ("pending", 0)
        deliver_due({})
    assert receiver.messages[-1].id == failed["id"]
    assert deliveries(agent, webhook)[0]["status"] == "delivered"
    assert agent.get(f"/webhooks/{webhook['id']}").json()["failingSince"] is None


def test_a_target_may_ask_for_a_longer_pause(delivering: None, agent: httpx.Client, db: Database) -> None:
    with run_receiver(lambda _message: (429, {"Retry-After": "3600"})) as receiver:
        register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        deliver_due({})
    row = db.execute(
        "SELECT next_attempt_at > now() + interval '50 minutes' AS later FROM webhook_deliveries"
    ).fetchone()
    assert row == {"later": True}


def test_a_target_that_is_gone_disables_its_webhook_at_once(
    delivering: None, agent: httpx.Client, api: httpx.Client, db: Database
) -> None:
    with run_receiver(lambda _message: (410, {})) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent), 5)
        assert deliver_due({})["disabled"] == 1
        sent = len(receiver.messages)
        emit(user_of(agent))
        assert deliver_due({})["failed"] == 0
    assert sent <= 2
    shown = agent.get(f"/webhooks/{webhook['id']}").json()
    assert (shown["enabled"], shown["disabledReason"]) == (False, "The target answered 410 Gone")
    assert {row["status"] for row in deliveries(agent, webhook)} == {"failed"}
    assert len(deliveries(agent, webhook)) == 5
    path = f"/webhooks/{webhook['id']}"
    for refused in (f"{path}/test", f"{path}/deliveries/{deliveries(agent, webhook)[0]['id']}/replay"):
        assert agent.post(refused).status_code == 409
    (entry, *_) = api.get("/audit", params={"target": webhook["id"]}).json()["entries"]
    assert entry["action"] == "webhook.disable"
    enabled = agent.patch(path, json={"enabled": True}).json()
    assert (enabled["enabled"], enabled["disabledReason"], enabled["failingSince"]) == (True, None, None)


@pytest.mark.limit("webhook-failing")
@pytest.mark.parametrize(("days", "is_enabled"), [(4.9, True), (5.1, False)])
def test_a_webhook_that_fails_for_days_is_disabled(
    delivering: None, agent: httpx.Client, db: Database, days: float, is_enabled: bool
) -> None:
    with run_receiver(lambda _message: (500, {})) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        db.execute("UPDATE webhooks SET failing_since = now() - make_interval(secs => %s)", (days * 86400,))
        emit(user_of(agent))
        deliver_due({})
    shown = agent.get(f"/webhooks/{webhook['id']}").json()
    assert shown["enabled"] is is_enabled
    assert (shown["disabledReason"] == "No attempt has succeeded for 5 days") is not is_enabled


@pytest.mark.limit("webhook-attempt-seconds", "webhook-attempts-at-once")
def test_a_slow_target_holds_up_nobody_else(
    delivering: None, agent: httpx.Client, other_agent: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the slow one's attempts ends by itself; no more than two of them are made, and the others are sent."""
    monkeypatch.setattr(attempts, "ATTEMPT_SECONDS", 1.0)
    released, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def wait_long(_message: Message) -> tuple[int, dict[str, str]]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        released.wait(30)
        with lock:
            running -= 1
        return 200, {}

    with run_receiver(wait_long) as slow, run_receiver() as fast:
        webhook = register(agent, slow.url, "prompt.failed")
        register(other_agent, fast.url, "prompt.failed")
        emit(user_of(agent), 10)
        emit(user_of(other_agent), 10)
        done = deliver_due({})
        assert done == {"delivered": 10, "failed": 2, "disabled": 0}
        released.set()
    assert (most, len(slow.messages), len(fast.messages)) == (2, 2, 10)
    errors = {row["error"] for row in deliveries(agent, webhook) if row["attempts"]}
    assert errors == {"No response within 1 seconds"}


def test_an_owner_with_many_slow_targets_leaves_room_for_others(
    delivering: None, agent: httpx.Client, other_agent: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ATTEMPT_SECONDS", 1.0)
    released = threading.Event()

    def wait_long(_message: Message) -> tuple[int, dict[str, str]]:
        released.wait(30)
        return 200, {}

    with ExitStack() as opened:
        slow = [opened.enter_context(run_receiver(wait_long)) for _ in range(10)]
        fast = opened.enter_context(run_receiver())
        for one in slow:
            register(agent, one.url, "prompt.failed")
        register(other_agent, fast.url, "prompt.failed")
        emit(user_of(agent), 3)
        emit(user_of(other_agent), 1)
        thread = threading.Thread(target=wait_until, args=(lambda: fast.messages,))
        thread.start()
        deliver_due({})
        thread.join()
        released.set()
    assert len(fast.messages) == 1


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (302, {"Location": "http://127.0.0.1:9/"}, "The target answered 302; redirects are not followed"),
        (404, {}, "The target answered 404; any but 2xx is a failure"),
    ],
)
def test_what_is_no_success(
    delivering: None, agent: httpx.Client, status: int, headers: dict[str, str], error: str
) -> None:
    with run_receiver(lambda _message: (status, headers)) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        deliver_due({})
    (row,) = deliveries(agent, webhook)
    assert (row["responseStatus"], row["error"], row["status"]) == (status, error, "pending")


def test_a_target_that_nobody_listens_at(delivering: None, agent: httpx.Client) -> None:
    with run_receiver() as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent))
    deliver_due({})
    (row,) = deliveries(agent, webhook)
    assert (row["responseStatus"], row["error"]) == (None, "No connection to the target")


def test_both_secrets_sign_after_a_rotation_and_only_the_new_one_a_day_later(
    delivering: None, agent: httpx.Client, receiver: Receiver, db: Database
) -> None:
    old = register(agent, receiver.url, "prompt.failed")
    new = agent.post(f"/webhooks/{old['id']}/rotate-secret").json()
    emit(user_of(agent))
    deliver_due({})
    assert verify(receiver.messages[0], old["secret"]) == verify(receiver.messages[0], new["secret"])
    db.execute("UPDATE webhooks SET previous_secret_until = now()")
    emit(user_of(agent))
    deliver_due({})
    assert verify(receiver.messages[1], new["secret"])
    with pytest.raises(Exception, match="No matching signature"):
        verify(receiver.messages[1], old["secret"])


def test_a_replaced_key_of_the_deployment_signs_beside_the_new_one(
    delivering: None, agent: httpx.Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    key = "pointsman-development-signing-key"
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", "another-key")
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY_OLD", key)
    emit(user_of(agent))
    deliver_due({})
    assert verify(receiver.messages[0], webhook["secret"])
    assert len(receiver.messages[0].headers["webhook-signature"].split()) == 2


def test_a_test_message_is_sent(delivering: None, agent: httpx.Client, receiver: Receiver) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    sent = agent.post(f"/webhooks/{webhook['id']}/test").json()
    deliver_due({})
    (message,) = receiver.messages
    assert (message.id, message.content["type"]) == (sent["id"], "webhook.test")


def test_deliveries_come_in_pages(delivering: None, agent: httpx.Client, receiver: Receiver) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent), 3)
    path = f"/webhooks/{webhook['id']}/deliveries"
    page = agent.get(path, params={"limit": 2}).json()
    rest = agent.get(path, params={"limit": 2, "cursor": page["nextCursor"]}).json()
    ids = [row["id"] for row in page["deliveries"] + rest["deliveries"]]
    assert (len(set(ids)), "nextCursor" in rest) == (3, False)


@pytest.mark.limit("webhook-deliveries")
def test_ended_deliveries_are_deleted_after_a_month(
    delivering: None, stack: Stack, agent: httpx.Client, receiver: Receiver, db: Database
) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent), 4)
    ages = {"delivered": 31, "failed": 31, "pending": 400}
    ids = [row["id"] for row in deliveries(agent, webhook)]
    for delivery_id, (status, days) in zip(ids, [*ages.items(), ("failed", 29)], strict=True):
        db.execute(
            "UPDATE webhook_deliveries SET status = %s, updated_at = now() - make_interval(days => %s) WHERE id = %s",
            (status, days, delivery_id),
        )
    assert run_schedule(stack, "RetentionFunction").counts["webhook_deliveries"] == 2
    assert sorted(row["status"] for row in deliveries(agent, webhook)) == ["failed", "pending"]


def test_one_statement_claims_of_each_owner_and_webhook_what_it_may(
    delivering: None, agent: httpx.Client, other_agent: httpx.Client, receiver: Receiver
) -> None:
    for client in (agent, agent, agent, other_agent):
        register(client, receiver.url, "prompt.failed")
    for client in (agent, other_agent):
        emit(user_of(client), 5)
    claimed = run_in_transaction(
        webhook_deliveries.claim_due, "attempt-1", 16, per_webhook=2, per_owner=3, except_webhooks=[], except_owners=[]
    )
    owners = [one.owner for one in claimed]
    assert owners.count(user_owner(user_of(agent))) == 3
    assert owners.count(user_owner(user_of(other_agent))) == 2
    assert "body" not in repr(claimed[0])
    assert receiver.url not in repr(claimed[0])
