"""What webhooks are told of: each change, once it is committed, in a signed message without texts and secrets."""

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.db import connection
from pointsman.db.connection import run_in_transaction
from pointsman.db.webhook_outbox import MAX_PENDING, MAX_TEXT_CHARS, emit_fleet_event
from pointsman.webhooks.delivery import deliver_due
from tests.harness.database import Database
from tests.harness.function_logs import run_schedule
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id, wait_for_operation
from tests.harness.status_poller import insert_instances, run_status_poller
from tests.harness.webhook_receiver import Receiver, run_receiver
from tests.harness.webhooks import DELIVERY_FUNCTION, deliveries, register, user_of, verify
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, run_prompt, start_prompt, text_turn


def test_a_message_is_signed_thin_and_sent_once(
    delivering: None, stack: Stack, agent: httpx.Client, simulator: SimulatorClient, receiver: Receiver
) -> None:
    webhook = register(agent, receiver.url, "prompt.completed")
    events = run_prompt(agent, simulator, text_turn("A secret answer"))
    run = run_schedule(stack, DELIVERY_FUNCTION)
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
    assert run_schedule(stack, DELIVERY_FUNCTION).counts["delivered"] == 0


def test_an_approval_calls_the_webhook_when_it_is_asked_and_decided(
    delivering: None, agent: httpx.Client, other_agent: httpx.Client, simulator: SimulatorClient, receiver: Receiver
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
    delivering: None, agent: httpx.Client, simulator: SimulatorClient, receiver: Receiver
) -> None:
    register(agent, receiver.url, "prompt.cancelled")
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    agent.post(f"/prompts/{stream.prompt_id}/cancel")
    stream.close()
    deliver_due({})
    assert [message.content["data"]["status"] for message in receiver.messages] == ["cancelled"]


def test_instances_and_operations_call_the_deployments_webhook(
    delivering: None, stack: Stack, api: httpx.Client, simulator: SimulatorClient, receiver: Receiver, db: Database,
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
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    failed = create_instance(api, create_request(new_instance_id(), []))
    assert failed.status_code == 500
    deliver_due({})
    told = {(message.content["type"], message.content["data"].get("deployStatus")) for message in receiver.messages}
    kinds = {kind for kind, _ in told}
    assert kinds == {
        "instance.created", "instance.destroyed", "instance.status_changed", "operation.succeeded", "operation.failed",
    }  # fmt: skip
    assert ("instance.status_changed", "GONE") in told
    (failure,) = [
        message.content["data"] for message in receiver.messages if message.content["type"] == "operation.failed"
    ]
    assert failure["operationId"] == failed.json()["operationId"]


@pytest.mark.slow
def test_a_leaked_operation_calls_the_webhook(
    delivering: None, api: httpx.Client, simulator: SimulatorClient, receiver: Receiver
) -> None:
    register(api, receiver.url, "operation.failed", "operation.leaked")
    simulator.inject_fault("railway", "environmentPatchCommit", "refuse", times=None)
    simulator.inject_fault("railway", "serviceDelete", "refuse", times=None)
    leaked = create_instance(api, create_request(new_instance_id(), [])).json()
    assert wait_for_operation(api, leaked["operationId"])["status"] == "leaked"
    deliver_due({})
    (message,) = receiver.messages
    assert message.content["type"] == "operation.leaked"
    assert message.content["data"]["operationId"] == leaked["operationId"]
    assert message.content["data"]["status"] == "leaked"


@pytest.mark.limit("webhook-pending")
def test_a_webhook_that_is_not_reached_has_so_many_pending_deliveries(
    delivering: None, api: httpx.Client, receiver: Receiver, db: Database
) -> None:
    webhook = register(api, receiver.url, "instance.destroyed")
    other = register(api, receiver.url, "instance.destroyed")
    db.execute(
        "INSERT INTO webhook_deliveries (id, webhook_id, type, body) SELECT %s || n, %s, 'instance.destroyed', '{}'"
        " FROM generate_series(1, %s) AS n",
        (unique_id("msg_"), webhook["id"], MAX_PENDING - 1),
    )
    for _ in range(2):
        run_in_transaction(emit_fleet_event, "instance.destroyed", {"instanceId": "i"})
    counted = db.execute("SELECT webhook_id, count(*) AS n FROM webhook_deliveries GROUP BY webhook_id").fetchall()
    assert {row["webhook_id"]: row["n"] for row in counted}.items() >= {
        webhook["id"]: MAX_PENDING,
        other["id"]: 2,
    }.items()
    assert api.delete(f"/webhooks/{webhook['id']}").status_code == 200


def test_a_change_that_is_rolled_back_tells_nothing(delivering: None, api: httpx.Client, receiver: Receiver) -> None:
    webhook = register(api, receiver.url, "operation.failed")

    def fail(db: connection.Connection) -> None:
        emit_fleet_event(db, "operation.failed", {"operationId": "op-1"})
        raise KeyError

    with pytest.raises(KeyError):
        run_in_transaction(fail)
    assert deliveries(api, webhook) == []


@pytest.mark.limit("webhook-text")
def test_a_text_in_a_message_has_a_bounded_length(delivering: None, api: httpx.Client, receiver: Receiver) -> None:
    register(api, receiver.url, "instance.destroyed")
    for length in (MAX_TEXT_CHARS, MAX_TEXT_CHARS + 1):
        run_in_transaction(emit_fleet_event, "instance.destroyed", {"instanceId": "i" * length})
    deliver_due({})
    assert [message.content["data"] for message in receiver.messages] == [{"instanceId": "i" * MAX_TEXT_CHARS}] * 2
