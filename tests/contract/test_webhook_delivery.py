"""Delivery of webhooks: what is sent, when it is tried again, who is given up on, and that nothing is lost."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as StandardWebhook

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.db import connection, webhook_deliveries
from pointsman.db.connection import run_in_transaction
from pointsman.db.webhook_outbox import emit_event, emit_fleet_event, user_owner
from pointsman.webhooks import attempt as attempts
from pointsman.webhooks import delivery
from pointsman.webhooks.delivery import RETRY_SECONDS, deliver_due
from tests.harness.database import Database
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.function_logs import run_schedule
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.status_poller import insert_instances, run_status_poller
from tests.harness.wait import wait_until
from tests.harness.webhook_receiver import Message, Receiver, run_receiver
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, run_prompt, start_prompt, text_turn

FUNCTION = "WebhookDeliveryFunction"


@pytest.fixture(autouse=True)
def no_webhooks(db: Database) -> Iterator[None]:
    db.execute("DELETE FROM webhooks")
    yield
    db.execute("DELETE FROM webhooks")


@pytest.fixture
def function(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of the function that delivers, in this process."""
    with use_environment(monkeypatch, function_environment(stack, FUNCTION)):
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as receiver:
        yield receiver


def register(client: httpx.Client, url: str, *events: str) -> dict[str, Any]:
    response = client.post("/webhooks", json={"url": url, "events": list(events)})
    assert response.status_code == 200, response.text
    return response.json()


def emit(user_id: str, number: int = 1) -> None:
    for index in range(number):
        data = {"promptId": f"prompt-{index}", "status": "failed"}
        run_in_transaction(emit_event, user_id, "prompt.failed", data)


def user_of(agent: httpx.Client) -> str:
    return agent.headers["X-User-Id"]


def deliveries(client: httpx.Client, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    return client.get(f"/webhooks/{webhook['id']}/deliveries", params=query).json()["deliveries"]


def make_due(db: Database) -> None:
    db.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")


def verify(message: Message, secret: str) -> Any:
    return StandardWebhook(secret).verify(message.body, message.headers)


def test_a_message_is_signed_thin_and_sent_once(
    stack: Stack, agent: httpx.Client, simulator: SimulatorClient, receiver: Receiver
) -> None:
    webhook = register(agent, receiver.url, "prompt.completed")
    events = run_prompt(agent, simulator, text_turn("A secret answer"))
    run = run_schedule(stack, FUNCTION)
    assert run.counts == {"delivered": 1, "failed": 0, "disabled": 0}
    (message,) = receiver.messages
    assert verify(message, webhook["secret"]) == message.content
    assert set(message.content) == {"type", "timestamp", "data"}
    assert message.content["data"] == {"promptId": events[0].data["promptId"], "status": "completed"}
    assert (message.headers["content-type"], message.headers["user-agent"]) == ("application/json", "pointsman")
    assert run.metric_value("WebhooksDelivered") == 1
    assert receiver.url not in str(run.log_lines)
    (row,) = deliveries(agent, webhook)
    assert row == {
        "id": message.id, "webhookId": webhook["id"], "type": "prompt.completed", "status": "delivered", "attempts": 1,
        "responseStatus": 204, "error": None, "nextAttemptAt": None, "createdAt": row["createdAt"],
        "updatedAt": row["updatedAt"],
    }  # fmt: skip
    assert run_schedule(stack, FUNCTION).counts["delivered"] == 0


def test_an_approval_calls_the_webhook_when_it_is_asked_and_decided(
    function: None, agent: httpx.Client, other_agent: httpx.Client, simulator: SimulatorClient, receiver: Receiver
) -> None:
    register(agent, receiver.url, "approval.requested", "approval.decided", "prompt.completed", "prompt.cancelled")
    with run_receiver() as other:
        register(other_agent, other.url, "approval.requested", "prompt.completed")
        stream = start_prompt(agent, simulator, destroy_turn(instance_id="planted-id"), text_turn("Well."))
        stream.read_until_event("prompt.approval")
        deliver_due({})
        asked = {"promptId": stream.prompt_id, "toolCallId": "call_1", "toolName": "instances.destroy"}
        assert [message.content["data"] for message in receiver.messages] == [{**asked, "approver": "self"}]
        decide_successfully(agent, stream.prompt_id, "reject", reason="planted reason")
        stream.read_to_end()
        deliver_due({})
    by_type = {message.content["type"]: message.content["data"] for message in receiver.messages}
    assert by_type["approval.decided"] == {**asked, "decision": "rejected", "decidedBy": user_of(agent)}
    assert by_type["prompt.completed"] == {"promptId": stream.prompt_id, "status": "completed"}
    assert b"planted" not in b"".join(message.body for message in receiver.messages)
    assert other.messages == []


def test_a_cancelled_prompt_calls_the_webhook(
    function: None, agent: httpx.Client, simulator: SimulatorClient, receiver: Receiver
) -> None:
    register(agent, receiver.url, "prompt.cancelled")
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    agent.post(f"/prompts/{stream.prompt_id}/cancel")
    stream.close()
    deliver_due({})
    assert [message.content["data"]["status"] for message in receiver.messages] == ["cancelled"]


def test_instances_and_operations_call_the_deployments_webhook(
    function: None, stack: Stack, api: httpx.Client, simulator: SimulatorClient, receiver: Receiver, db: Database,
    no_instances: None,
) -> None:  # fmt: skip
    register(
        api, receiver.url, "instance.created", "instance.destroyed", "instance.status_changed", "operation.succeeded",
        "operation.failed", "operation.leaked",
    )  # fmt: skip
    instance_id = new_instance_id()
    assert create_instance(api, create_request(instance_id, [])).status_code == 200
    db.execute("UPDATE instance_infra SET deploy_status = 'BUILDING', updated_at = now() - interval '1 hour'")
    run_status_poller(stack)
    insert_instances(db, ["unknown-service"], prefix=unique_id("gone"))
    run_status_poller(stack)
    assert api.delete(f"/destroy/{instance_id}").status_code == 200
    simulator.add_fault("railway", "serviceCreate", status=400)
    failed = create_instance(api, create_request(new_instance_id(), []))
    assert failed.status_code == 500
    deliver_due({})
    told = {(message.content["type"], message.content["data"].get("deployStatus")) for message in receiver.messages}
    kinds = {kind for kind, _ in told}
    assert kinds == {
        "instance.created", "instance.destroyed", "instance.status_changed", "operation.succeeded", "operation.failed",
    }  # fmt: skip
    assert ("instance.status_changed", "GONE") in told
    (failure,) = [message.content["data"] for message in receiver.messages if message.content["type"] == "operation.failed"]
    assert failure["operationId"] == failed.json()["operationId"]


def test_a_change_that_is_rolled_back_tells_nothing(function: None, api: httpx.Client, receiver: Receiver) -> None:
    webhook = register(api, receiver.url, "operation.failed")

    def fail(db: connection.Connection) -> None:
        emit_fleet_event(db, "operation.failed", {"operationId": "op-1"})
        raise KeyError

    with pytest.raises(KeyError):
        run_in_transaction(fail)
    assert deliveries(api, webhook) == []


def test_a_process_that_dies_between_sending_and_recording_sends_again_under_the_same_id(
    function: None, agent: httpx.Client, receiver: Receiver, db: Database, monkeypatch: pytest.MonkeyPatch
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


def test_processes_at_the_same_time_never_send_the_same_attempt(
    function: None, stack: Stack, agent: httpx.Client, receiver: Receiver
) -> None:
    register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent), 20)
    runs = [threading.Thread(target=run_schedule, args=(stack, FUNCTION)) for _ in range(2)]
    for run in (*runs,):
        run.start()
    deliver_due({})
    for run in runs:
        run.join()
    assert sorted({message.id for message in receiver.messages}) == sorted(message.id for message in receiver.messages)
    assert len(receiver.messages) == 20


@pytest.mark.limit("webhook-attempts")
def test_a_failed_attempt_is_repeated_with_longer_pauses_and_then_given_up(
    function: None, agent: httpx.Client, db: Database
) -> None:
    with run_receiver(lambda _message: (500, {})) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        for pause in RETRY_SECONDS:
            deliver_due({})
            row = db.execute(
                "SELECT status, extract(epoch FROM next_attempt_at - updated_at)::float8 AS pause FROM webhook_deliveries"
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


def test_a_target_may_ask_for_a_longer_pause(function: None, agent: httpx.Client, db: Database) -> None:
    with run_receiver(lambda _message: (429, {"Retry-After": "3600"})) as receiver:
        register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        deliver_due({})
    row = db.execute("SELECT next_attempt_at > now() + interval '50 minutes' AS later FROM webhook_deliveries").fetchone()
    assert row == {"later": True}


def test_a_target_that_is_gone_disables_its_webhook_at_once(
    function: None, agent: httpx.Client, api: httpx.Client, db: Database
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
    function: None, agent: httpx.Client, db: Database, days: float, is_enabled: bool
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
    function: None, agent: httpx.Client, other_agent: httpx.Client, monkeypatch: pytest.MonkeyPatch
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
    function: None, agent: httpx.Client, other_agent: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ATTEMPT_SECONDS", 1.0)
    released = threading.Event()
    with ExitStack() as opened:
        slow = [
            opened.enter_context(run_receiver(lambda _message: (released.wait(30) and 200 or 200, {})))
            for _ in range(10)
        ]
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
    function: None, agent: httpx.Client, status: int, headers: dict[str, str], error: str
) -> None:
    with run_receiver(lambda _message: (status, headers)) as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
        emit(user_of(agent))
        deliver_due({})
    (row,) = deliveries(agent, webhook)
    assert (row["responseStatus"], row["error"], row["status"]) == (status, error, "pending")


def test_a_target_that_nobody_listens_at(function: None, agent: httpx.Client) -> None:
    with run_receiver() as receiver:
        webhook = register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent))
    deliver_due({})
    (row,) = deliveries(agent, webhook)
    assert (row["responseStatus"], row["error"]) == (None, "No connection to the target")


def test_both_secrets_sign_after_a_rotation_and_only_the_new_one_a_day_later(
    function: None, agent: httpx.Client, receiver: Receiver, db: Database
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
    function: None, agent: httpx.Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    key = "pointsman-development-signing-key"
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", "another-key")
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY_OLD", key)
    emit(user_of(agent))
    deliver_due({})
    assert verify(receiver.messages[0], webhook["secret"])
    assert len(receiver.messages[0].headers["webhook-signature"].split()) == 2


def test_a_test_message_is_sent(function: None, agent: httpx.Client, receiver: Receiver) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    sent = agent.post(f"/webhooks/{webhook['id']}/test").json()
    deliver_due({})
    (message,) = receiver.messages
    assert (message.id, message.content["type"]) == (sent["id"], "webhook.test")


def test_deliveries_come_in_pages(function: None, agent: httpx.Client, receiver: Receiver) -> None:
    webhook = register(agent, receiver.url, "prompt.failed")
    emit(user_of(agent), 3)
    path = f"/webhooks/{webhook['id']}/deliveries"
    page = agent.get(path, params={"limit": 2}).json()
    rest = agent.get(path, params={"limit": 2, "cursor": page["nextCursor"]}).json()
    ids = [row["id"] for row in page["deliveries"] + rest["deliveries"]]
    assert (len(set(ids)), "nextCursor" in rest) == (3, False)


@pytest.mark.limit("webhook-deliveries")
def test_ended_deliveries_are_deleted_after_a_month(
    function: None, stack: Stack, agent: httpx.Client, receiver: Receiver, db: Database
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
    function: None, agent: httpx.Client, other_agent: httpx.Client, receiver: Receiver
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
