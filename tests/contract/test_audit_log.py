"""The audit log: each change has its entry, nothing changes an entry, and both keys may read it."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.actor import Actor, get_actor, set_actor
from pointsman.db import audit_log
from tests.harness.agent_api import expect_error
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.function_logs import run_schedule
from tests.harness.ids import unique_id
from tests.harness.instances import (
    create_instance,
    create_request,
    new_instance_id,
    wait_for_operation,
    wait_until_deployed,
)
from tests.prompts.prompt_stream import decide, destroy_turn, start_prompt, text_turn

PLANTED = "planted-value-of-a-variable"


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> None:
    reset_fleet_tables(db)


def list_entries(api: httpx.Client, **filters: object) -> list[dict[str, Any]]:
    response = api.get("/audit", params={key: str(value) for key, value in filters.items()})
    assert response.status_code == 200, response.text
    return response.json()["entries"]


def summarize(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The actions and outcomes, the oldest first."""
    return [(entry["action"], entry["outcome"]) for entry in reversed(entries)]


def test_each_change_of_an_instance_has_its_entry(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    body = create_request(new_instance_id(), ["openrouter"])
    instance_id = body["instanceId"]
    assert create_instance(api, body).status_code == 200
    assert create_instance(api, body).status_code == 200  # It joins, and adds nothing.
    variables = {"GREETING": PLANTED, "OTHER": PLANTED}
    configured = api.post(
        f"/configure/{instance_id}", json={"variables": variables}, headers={"User-Agent": "agent/1-" * 50}
    )
    assert configured.status_code == 200
    wait_until_deployed(api, instance_id)
    assert api.post(f"/redeploy/{instance_id}").status_code == 200
    inbox = api.post(f"/provision/{instance_id}/agentmail").json()["resourceId"]
    assert api.delete(f"/destroy/{instance_id}/agentmail/{inbox}").status_code == 200
    assert api.delete(f"/destroy/{instance_id}").status_code == 200

    entries = list_entries(api, target=instance_id)
    assert summarize(entries) == [
        ("instance.create", "succeeded"),
        ("instance.configure", "started"), ("instance.configure", "succeeded"),
        ("instance.redeploy", "started"), ("instance.redeploy", "succeeded"),
        ("tool.provision", "succeeded"), ("tool.destroy", "succeeded"), ("instance.destroy", "succeeded"),
    ]  # fmt: skip
    for entry in entries:
        assert (entry["actor"], entry["address"]) == ({"kind": "key", "id": "services"}, "127.0.0.1")
        assert (entry["target"], bool(entry["requestId"])) == ({"kind": "instance", "id": instance_id}, True)
    create, started, configure = entries[-1], entries[-2], entries[-3]
    assert create["details"] == {"name": body["name"], "tools": ["openrouter"]}
    assert create["operationId"].startswith("op-")
    assert create["userAgent"].startswith("python-httpx/")
    assert started["requestId"] == configure["requestId"] == configured.json().get("requestId", started["requestId"])
    assert configure["details"] == {"variables": ["GREETING", "OTHER"], "count": 2, "redeploy": False}
    assert len(configure["userAgent"]) == 256
    assert PLANTED not in json.dumps(entries)


def test_refused_requests_have_none(api: httpx.Client, agent: httpx.Client) -> None:
    instance_id = new_instance_id()
    assert api.delete(f"/destroy/{instance_id}").status_code == 404
    assert api.post(f"/configure/{instance_id}", json={"variables": {"A": "1"}}).status_code == 404
    assert api.post(f"/configure/{instance_id}", json={"variables": {}}).status_code == 400
    assert api.post(f"/redeploy/{instance_id}").status_code == 404
    expect_error(
        agent.post("/tools/instances.destroy/invoke", json={"instanceId": instance_id}), 403, "APPROVAL_REQUIRED"
    )
    assert list_entries(api, target=instance_id) == []


@pytest.mark.parametrize(
    ("kind", "status", "outcome"), [("refuse", 502, "failed"), ("server_error_done", 502, "unknown")]
)
def test_a_failed_configure_tells_whether_it_may_have_happened(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], kind: Any, status: int, outcome: str
) -> None:
    simulator.inject_fault("railway", "variableCollectionUpsert", kind, times=None)
    instance_id = instance["instanceId"]
    assert api.post(f"/configure/{instance_id}", json={"variables": {"A": PLANTED}}).status_code == status
    newest, started, *_ = list_entries(api, target=instance_id)
    assert [(entry["action"], entry["outcome"]) for entry in (started, newest)] == [
        ("instance.configure", "started"), ("instance.configure", outcome),
    ]  # fmt: skip
    assert newest["details"]["code"].startswith("PROVIDER_")


@pytest.mark.slow
def test_a_failed_create_a_retry_and_an_abandon_are_told_apart(api: httpx.Client, simulator: SimulatorClient) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    operation_id = create_instance(api, body).json()["operationId"]
    assert wait_for_operation(api, operation_id)["status"] == "leaked"
    assert api.post(f"/operations/{operation_id}/retry").status_code in (200, 202)
    assert wait_for_operation(api, operation_id)["status"] == "leaked"
    assert api.post(f"/operations/{operation_id}/abandon").json()["status"] == "failed"
    entries = list_entries(api, target=body["instanceId"])
    assert summarize(entries) == [
        ("instance.create", "leaked"), ("operation.retry", "started"), ("instance.create", "leaked"),
        ("operation.abandon", "succeeded"),
    ]  # fmt: skip
    assert {entry["operationId"] for entry in entries} == {operation_id}
    assert [entry["details"].get("restarts") for entry in reversed(entries)] == [None, None, 1, None]
    assert entries[-1]["details"]["left"] == ["openrouter"]
    # The retry is a request of its own, and the operation's end belongs to the one who asked for it.
    assert entries[-1]["requestId"] == entries[1]["requestId"] != entries[2]["requestId"]


@pytest.mark.slow
def test_the_reconciler_acts_for_itself(stack: Stack, api: httpx.Client, simulator: SimulatorClient) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    operation_id = create_instance(api, body).json()["operationId"]
    assert wait_for_operation(api, operation_id)["status"] == "leaked"
    simulator.clear_faults()
    assert stack.fire_schedule("ReconcilerFunction").error is None
    wait_for_operation(api, operation_id)
    entries = list_entries(api, target=body["instanceId"])
    retry = next(entry for entry in entries if entry["action"] == "operation.retry")
    assert (retry["actor"], retry["address"]) == ({"kind": "system", "id": "reconciler"}, None)


@pytest.mark.parametrize("decision", ["approve", "reject", "cancel"])
def test_a_decision_has_its_entry_and_the_tools_action_its_user(
    api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient, db: Database, decision: str
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    instance_id, user = body["instanceId"], agent.headers["X-User-Id"]
    stream = start_prompt(agent, simulator, destroy_turn(instance_id=instance_id), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    if decision == "cancel":
        for _ in range(2):  # The second one changes nothing.
            assert agent.post(f"/prompts/{stream.prompt_id}/cancel").status_code == 200
    else:
        assert decide(agent, stream.prompt_id, decision).status_code == 200
        expect_error(decide(agent, stream.prompt_id, decision), 404, "PROMPT_NOT_FOUND")
    stream.read_to_end()
    (entry,) = list_entries(api, target=stream.prompt_id)
    expected = {"approve": "approval.approve", "reject": "approval.reject", "cancel": "prompt.cancel"}[decision]
    assert (entry["action"], entry["outcome"]) == (expected, "succeeded")
    assert (entry["actor"], entry["address"]) == ({"kind": "user", "id": user}, "127.0.0.1")
    assert (entry["target"]["kind"], bool(entry["requestId"])) == ("prompt", True)
    if decision != "cancel":
        assert entry["details"] == {"toolCallId": "call_1", "tool": "instances.destroy", "ownPrompt": True}
    destroys = list_entries(api, target=instance_id, action="instance.destroy")
    if decision == "approve":
        (destroy,) = destroys
        assert (destroy["actor"], destroy["outcome"]) == ({"kind": "user", "id": user}, "succeeded")
        expected_details: dict[str, object] = {
            "promptId": stream.prompt_id,
            "toolCallId": "call_1",
            "confirmed": "true",
            "tools": [],
        }
        assert destroy["details"] == expected_details
    else:
        assert destroys == []


@pytest.fixture
def rows(db: Database) -> str:
    """Seven entries of an actor whom no other test has, a day apart; the first two are of the same moment."""
    actor = unique_id("auditor-")
    for number, days in enumerate([6, 6, 5, 4, 3, 2, 1]):
        db.execute(
            "INSERT INTO audit_log (at, actor_kind, actor, action, target_kind, target, outcome)"
            " VALUES (date_trunc('hour', now()) - make_interval(days => %s), 'key', %s, %s, 'instance', %s,"
            " 'succeeded')",
            (days, actor, "instance.create" if number % 2 else "instance.destroy", f"{actor}-{number % 3}"),
        )
    return actor


def test_pages_lead_through_all_entries_the_newest_first(api: httpx.Client, rows: str) -> None:
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    sizes: list[int] = []
    while True:
        page = api.get("/audit", params={"actor": rows, "limit": "3", **cursor}).json()
        seen += page["entries"]
        sizes.append(len(page["entries"]))
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert sizes == [3, 3, 1]
    assert len({entry["id"] for entry in seen}) == 7
    assert [entry["at"] for entry in seen] == sorted((entry["at"] for entry in seen), reverse=True)


def test_filters_are_combined(api: httpx.Client, rows: str) -> None:
    today = datetime.now(UTC)
    assert len(list_entries(api, actor=rows)) == 7
    assert len(list_entries(api, actor=rows, action="instance.create")) == 3
    assert len(list_entries(api, target=f"{rows}-0")) == 3
    assert len(list_entries(api, actor=rows, target=f"{rows}-0", action="instance.create")) == 1
    since = (today - timedelta(days=3, hours=12)).isoformat()
    until = (today - timedelta(days=1, hours=12)).isoformat()
    assert len(list_entries(api, **{"actor": rows, "from": since})) == 3
    assert len(list_entries(api, **{"actor": rows, "from": since, "to": until})) == 2


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", ""), ("cursor", ""), ("actor", ""), ("from", ""),
        ("limit", "0"), ("limit", "201"), ("limit", "many"), ("limit", "٣"), ("cursor", "1"), ("cursor", "x" * 5000),
        ("from", "yesterday"), ("to", "2026-01-01T00:00:00"), ("action", "instance.list"), ("actor", "a" * 257),
        ("target", "a\0b"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_400_and_named(api: httpx.Client, parameter: str, value: str) -> None:
    response = api.get("/audit", params={parameter: value})
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert response.json()["error"].startswith(f"{parameter} must be ")


def insert_entry(db: Database, days: float) -> str:
    entry_id = str(uuid.uuid4())
    db.execute(
        "INSERT INTO audit_log (id, at, actor_kind, actor, action, target_kind, target, outcome)"
        " VALUES (%s, now() - make_interval(secs => %s), 'key', 'k', 'instance.create', 'instance', 'i', 'succeeded')",
        (entry_id, days * 86400),
    )
    return entry_id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'nobody' WHERE id = %s",
        "DELETE FROM audit_log WHERE id = %s",
        "TRUNCATE audit_log",
        "BEGIN; SET LOCAL pointsman.audit_retention_seconds = '0'; DELETE FROM audit_log WHERE id = %s",
        "BEGIN; SET LOCAL pointsman.audit_retention_seconds = '-1'; DELETE FROM audit_log WHERE id = %s",
    ],
)
def test_nobody_changes_an_entry(db: Database, statement: Any) -> None:
    """The tests are the table's owner and a superuser, whom no revoked permission stops."""
    entry_id = insert_entry(db, 29)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="audit_log is append-only"):
        db.execute(statement.replace("%s", f"'{entry_id}'"))
    db.execute("ROLLBACK")
    assert db.execute("SELECT actor FROM audit_log WHERE id = %s", (entry_id,)).fetchone() == {"actor": "k"}


def test_old_entries_are_deleted_by_the_retention_alone(stack: Stack, db: Database) -> None:
    old, young = insert_entry(db, 366), insert_entry(db, 364)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("DELETE FROM audit_log WHERE id = %s", (old,))
    run = run_schedule(stack, "RetentionFunction")
    assert run.counts["audit_entries"] >= 1
    assert run.metric_value("AuditEntriesDeleted") == run.counts["audit_entries"]
    left = db.execute("SELECT id::text FROM audit_log WHERE id = ANY(%s::uuid[])", ([old, young],)).fetchall()
    assert left == [{"id": young}]


def test_another_role_cannot_change_entries_even_without_the_trigger(db: Database) -> None:
    grants = db.execute(
        "SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_name = 'audit_log'"
        " AND grantee = 'PUBLIC'"
    ).fetchall()
    assert grants == []


def test_details_are_bounded(db: Database) -> None:
    target = unique_id("bounded-")
    audit_log.record(db, "instance.configure", "instance", target, "started", details={"text": "x" * 5000})
    row = db.execute("SELECT details FROM audit_log WHERE target = %s", (target,)).fetchone()
    assert row == {"details": {"truncated": True}}


def test_what_an_actor_says_of_itself_is_shortened_and_printable() -> None:
    set_actor(Actor("user", "u\n", "a" * 300, "\x1b[31m"))
    try:
        actor = get_actor()
        assert (actor.id, len(actor.address), actor.user_agent) == (
            "u\N{REPLACEMENT CHARACTER}",
            256,
            "\N{REPLACEMENT CHARACTER}[31m",
        )
    finally:
        set_actor(None)
    assert get_actor().kind == "system"


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "192.0.2.1"),
        ({"x-forwarded-for": "198.51.100.7"}, "192.0.2.1"),
        ({"x-forwarded-for": "10.0.0.1, 198.51.100.7, 192.0.2.1", "X-Origin-Secret": "s"}, "198.51.100.7"),
        ({"X-Forwarded-For": "10.0.0.1, 198.51.100.7", "x-origin-secret": "s"}, "198.51.100.7"),
        ({"x-origin-secret": "s"}, "192.0.2.1"),
    ],
)
def test_the_address_is_that_of_cloudfronts_client(headers: dict[str, str], address: str) -> None:
    from pointsman.http.common import make_actor

    event = {"headers": headers, "requestContext": {"requestId": "r", "http": {"sourceIp": "192.0.2.1"}}}
    assert make_actor(event, "user", "ada").address == address
